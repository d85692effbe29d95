#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# timeout: 120
# assess_filter - ZTS-3.1-01, 04 and 06 over real filters: none, nftables, iptables of both kinds,
# firewalld; and what the assessment says of each port is what a peer finds by connecting.
# shellcheck source=tests/netns/lib.sh
. "$(dirname "$0")/lib.sh"

must host a 1
must host b 2
cat >"$TMP/listen.py" <<'PY'
import signal, socket, sys
held = []
for port in map(int, sys.argv[1:]):
    s = socket.socket(socket.AF_INET6)
    s.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 0)
    s.bind(("::", port))
    s.listen()
    held.append(s)
signal.pause()
PY
spawn a app.service python3 "$TMP/listen.py" 22 80 443 5432
for port in 22 80 443 5432; do must eventually 10 listening a "$port"; done

assess() { # $TMP/doc, $TMP/facts; status as it ends
	rm -f "$TMP/facts"
	on a "$ZTCTL" --socket "$TMP/none.sock" --json assess --state-dir "$TMP/none" --pin-dir "$TMP/none" \
		--trust "$TMP/none" --netns own --evidence "$TMP/facts" >"$TMP/doc" 2>"$TMP/doc.err" || :
	chmod a+r "$TMP/facts"
}
result() { # ID...: their results
	local id
	for id; do
		jq -r --arg id "ZTS-$id" '.checks[] | select(.id == $id) | .result' "$TMP/doc"
	done | paste -sd' '
}
reason() { # ID
	jq -r --arg id "ZTS-$1" '.checks[] | select(.id == $id) | .reason.en' "$TMP/doc"
}
# said FAMILY: for each port "yes" (10.77.0.2, fd77::2 gets in), "no", "?" by the fact
cat >"$TMP/said.py" <<'PY'
import ipaddress, json, sys
facts, family, sender, ports = sys.argv[1], int(sys.argv[2]), ipaddress.ip_address(sys.argv[3]), sys.argv[4:]
filt = json.load(open(facts))["facts"]["filter"]["data"]
path = [p for p in filt["paths"] if p["proto"] == "tcp" and p["family"] == family and "eth0" in p["interfaces"]][0]

def inside(text):
    if "-" in text:
        lo, hi = map(ipaddress.ip_address, text.split("-"))
        return lo <= sender <= hi
    return sender in ipaddress.ip_network(text, strict=False)

def answer(port):
    row = next((r for r in path["ports"] if r["from"] <= port <= r["to"]), path["default"])
    if row["verdict"] == "unknown":
        return "?"
    return "yes" if row["verdict"] == "any" or any(map(inside, row.get("peers", []))) else "no"

print(" ".join(f"{p}:{answer(int(p))}" for p in ports))
PY
cat >"$TMP/found.py" <<'PY'
import errno, select, socket, sys
# A refusal by the host's own TCP (nobody listens) is a way in too; a filter's reject is not one.
family, address, ports = int(sys.argv[1]), sys.argv[2], list(map(int, sys.argv[3:]))
open_ = {}
poll, pending = select.poll(), {}
for port in ports:
    s = socket.socket(socket.AF_INET if family == 4 else socket.AF_INET6)
    s.setblocking(False)
    s.connect_ex((address, port))
    poll.register(s, select.POLLOUT)
    pending[s.fileno()] = (s, port)
while pending:
    ready = poll.poll(600)
    if not ready:
        break
    for fd, _ in ready:
        s, port = pending.pop(fd)
        poll.unregister(fd)
        open_[port] = s.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR) == 0
print(" ".join(f"{p}:{'yes' if open_.get(p) else 'no'}" for p in ports))
PY
said() { python3 "$TMP/said.py" "$TMP/facts" "$1" "$2" 22 80 443 5432; }
found() { on b python3 "$TMP/found.py" "$1" "$2" 22 80 443 5432; }
true_of() { # WHAT: both families
	is "$1: a peer finds what is said, IPv4" "$(said 4 10.77.0.2)" "$(found 4 10.77.0.1)"
	is "$1: a peer finds what is said, IPv6" "$(said 6 fd77::2)" "$(found 6 fd77::1)"
}

# --- no filter --------------------------------------------------------------------------------------

assess
is "without a filter all three fail" "$(result 3.1-01 3.1-04 3.1-06)" "fail fail fail"
true_of "no filter"
is "every listener has its owner" \
	"$(jq -r '[.facts.listeners.data.sockets[] | "\(.proto) \(.address) \(.port) \(.v6only) \(.unit) \(.reach)"] |
		sort | join(", ")' "$TMP/facts")" \
	"tcp :: 22 false app.service any, tcp :: 443 false app.service any, tcp :: 5432 false app.service any, tcp :: 80 false app.service any"

# --- nftables ---------------------------------------------------------------------------------------

ruleset() { # from stdin, in place of what was
	{ echo flush ruleset; cat; } >"$TMP/rules.nft"
	must on a nft -f "$TMP/rules.nft"
	assess
}
base='type filter hook input priority 0; policy drop; iif lo accept; ct state established,related accept;
	meta l4proto { icmp, ipv6-icmp } accept;'
ruleset <<-EOT
	table inet f { set web { type ipv4_addr; flags interval; elements = { 10.77.0.2-10.77.0.3 }
	}
	chain input { $base
		ip saddr 10.77.0.9 tcp dport 22 accept; ip6 saddr fd77::2 tcp dport { 22, 443 } accept;
		ip saddr @web tcp dport vmap { 80 : accept, 443 : drop }; log prefix "denied "
	}
	}
EOT
is "named senders and a policy of drop pass" "$(result 3.1-01 3.1-04 3.1-06)" "pass pass pass"
true_of "named senders"
is "it is seen that denials are logged" \
	"$(jq '[.facts.filter.data.paths[] | select(.proto == "tcp") | .default.logged] | all' "$TMP/facts")" true

ruleset <<-EOT
	table inet f { chain input { $base
		ip saddr 10.77.0.0/24 tcp dport 22 accept; ip6 saddr fe80::/10 tcp dport 5432 accept
	}
	}
EOT
is "a whole segment at ssh is too wide" "$(result 3.1-01 3.1-04 3.1-06)" "pass pass fail"
true_of "segment"

ruleset <<-EOT
	table inet f { chain input { type filter hook input priority 0; policy accept; tcp dport 22 drop; }
	}
EOT
is "a policy of accept fails" "$(result 3.1-01 3.1-04)" "fail fail"
true_of "policy accept"

ruleset <<-EOT
	table inet f { chain input { type filter hook input priority 0; policy accept; jump mine; }
	chain mine {
		ct state established accept; ip saddr 10.77.0.2 tcp dport 80 accept; goto theirs;
	}
	chain theirs { tcp dport 443 return; reject with icmpx port-unreachable; }
	}
EOT
is "a terminal reject behind jump and goto, with a hole of one port" "$(result 3.1-01 3.1-04)" "pass fail"
true_of "jumps"

ruleset <<-EOT
	table ip f { chain input { $base
	}
	}
EOT
is "IPv4 alone is partial" "$(result 3.1-01)" partial
true_of "one family"

ruleset <<-EOT
	table inet f { chain early { type filter hook prerouting priority -300; policy accept;
		ip saddr != 10.77.0.2 drop; }
	chain input { $base
		tcp dport 22 accept; ct mark 7 tcp dport 443 accept; }
	}
EOT
is "what an early chain drops never gets to input; a mark leaves one port undecided" \
	"$(result 3.1-01) $(said 4 10.77.0.2) $(said 4 10.77.0.9)" \
	"pass 22:yes 80:no 443:? 5432:no 22:no 80:no 443:? 5432:no"

ruleset <<-EOT
	table inet f { chain input { $base
		meta cgroup 7 accept; }
	}
EOT
is "a rule that cannot be decided is unknown" "$(result 3.1-01)" unknown
like "and named" "$(reason 3.1-01)" "*inet f input handle *"

# --- iptables, both kinds -----------------------------------------------------------------------------

must on a nft flush ruleset
fill() { # KIND FAMILY-PREFIX SOURCE
	must on a "ip${2}tables-$1" -P INPUT DROP
	must on a "ip${2}tables-$1" -A INPUT -m conntrack --ctstate RELATED,ESTABLISHED -j ACCEPT
	must on a "ip${2}tables-$1" -A INPUT -p icmp"$([[ -n $2 ]] && echo v6)" -j ACCEPT
	must on a "ip${2}tables-$1" -N mine
	must on a "ip${2}tables-$1" -A INPUT -p tcp -m multiport --dports 80,5432:5433 -j mine
	must on a "ip${2}tables-$1" -A mine -s "$3" -m comment --comment 'to "the" web' -j ACCEPT
	must on a "ip${2}tables-$1" -A INPUT -m limit --limit 5/min -j LOG --log-prefix "denied: "
}
empty() { # KIND FAMILY-PREFIX
	must on a "ip${2}tables-$1" -P INPUT ACCEPT
	must on a "ip${2}tables-$1" -F
	must on a "ip${2}tables-$1" -X
}
fill nft "" 10.77.0.2
fill nft 6 fd77::2
assess
is "iptables-nft of both families passes" "$(result 3.1-01 3.1-04 3.1-06)" "pass pass pass"
is "it is known as such" \
	"$(jq -r '[.facts.filter.data.mechanisms[].name] | unique | join(" ")' "$TMP/facts")" iptables-nft
true_of "iptables-nft"
must on a nft flush ruleset

if on a iptables-legacy -L -n >/dev/null 2>&1 && on a ip6tables-legacy -L -n >/dev/null 2>&1; then
	fill legacy "" 10.77.0.2
	assess
	is "iptables-legacy of IPv4 alone is partial" "$(result 3.1-01)" partial
	fill legacy 6 fd77::2
	assess
	is "iptables-legacy of both families passes" "$(result 3.1-01 3.1-04 3.1-06)" "pass pass pass"
	true_of "iptables-legacy"
	empty legacy ""
	empty legacy 6
else
	skip "iptables-legacy" "this kernel has no ip_tables; its text is read in unit/assess_filter"
fi

# --- firewalld ------------------------------------------------------------------------------------------

cat >"$TMP/bus.conf" <<-EOT
	<busconfig><type>system</type><listen>unix:path=$TMP/bus</listen><auth>EXTERNAL</auth>
	<policy context="default"><allow send_destination="*"/><allow own="*"/><allow receive_sender="*"/></policy>
	</busconfig>
EOT
mkdir -p "$TMP/fw"
export DBUS_SYSTEM_BUS_ADDRESS=unix:path=$TMP/bus
spawn a dbus.service dbus-daemon --config-file="$TMP/bus.conf" --nofork
must eventually 10 test -S "$TMP/bus"
spawn a firewalld.service firewalld --nofork --nopid --system-config "$TMP/fw" --log-file "$TMP/log/firewalld"
if eventually 20 on a firewall-cmd --state; then
	assess
	is "firewalld's default zone: ssh for anybody, the rest denied" "$(result 3.1-01 3.1-06)" "pass fail"
	is "it is known as what made the rules" \
		"$(jq -r '[.facts.filter.data.mechanisms[].generators[]] | unique | join(" ")' "$TMP/facts")" firewalld
	true_of "firewalld"
	must on a firewall-cmd -q --remove-service=ssh
	must on a firewall-cmd -q --add-rich-rule='rule family=ipv4 source address=10.77.0.2 service name=ssh accept'
	assess
	is "a rich rule for one host" "$(result 3.1-01 3.1-04 3.1-06)" "pass pass pass"
	true_of "firewalld, rich rule"
else
	skip "firewalld" "it does not start here: $(tail -n 1 "$TMP/log/a.firewalld.service.log")"
fi

# --- without privilege ------------------------------------------------------------------------------------

on a setpriv --reuid nobody --clear-groups --inh-caps=-all --bounding-set=-all "$ZTCTL" --socket "$TMP/none.sock" \
	--json assess --state-dir "$TMP/none" --pin-dir "$TMP/none" --trust "$TMP/none" --netns own >"$TMP/doc" 2>/dev/null || :
is "nobody learns nothing and passes nothing" "$(result 3.1-01 3.1-04 3.1-06)" "unknown unknown unknown"
like "what would answer is said" "$(reason 3.1-01)" "*CAP_NET_ADMIN*"
