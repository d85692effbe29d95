#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# timeout: 60
# encryption_office - DNS, FTP, Telnet, SMB, RPC and NFS between real servers and clients: what still goes
# over a network in the clear is called by its name; what encrypts itself is not called plaintext.
. "$(dirname "$0")/classes.sh"

two_agents
must certificate
limit=$((10 * ZT_SCALE))

# --- servers ---------------------------------------------------------------------------------

chmod 755 "$TMP/s"
if needs DNS dnsmasq; then
	serve dnsmasq.service dnsmasq -k -C /dev/null -u root -R -h -a $S -z -A /s.example/$S \
		-A /s.example/fd77::12 --pid-file=
fi
if needs FTP vsftpd; then
	mkdir -p "$TMP/s/ftp" "$TMP/s/empty"
	echo hello >"$TMP/s/ftp/file"
	printf '%s\n' listen=YES listen_address=$S anonymous_enable=YES ftp_username=ftp nopriv_user=nobody \
		anon_root="$TMP/s/ftp" secure_chroot_dir="$TMP/s/empty" seccomp_sandbox=NO run_as_launching_user=NO \
		ssl_enable=YES allow_anon_ssl=YES require_ssl_reuse=NO rsa_cert_file="$TMP/cert.pem" \
		rsa_private_key_file="$TMP/key.pem" ssl_tlsv1=YES background=NO >"$TMP/s/vsftpd.conf"
	serve vsftpd.service vsftpd "$TMP/s/vsftpd.conf"
fi
telnet=
if busybox telnetd --help >/dev/null 2>&1; then
	telnet=1
	serve telnetd.service busybox telnetd -F -b $S:23 -l "$TMP/s/greet"
	printf '#!/bin/sh\necho welcome\nread line\n' >"$TMP/s/greet"
	chmod 755 "$TMP/s/greet"
else
	skip Telnet "busybox here has no telnetd (Debian's busybox-static has)"
fi
if needs SMB smbd smbclient; then
	mkdir -p "$TMP"/s/smb/{private,state,cache,lock,pid,log,ncalrpc,share}
	cat >"$TMP/s/smb.conf" <<-EOT
		[global]
		interfaces = $S
		bind interfaces only = yes
		disable netbios = yes
		private dir = $TMP/s/smb/private
		state directory = $TMP/s/smb/state
		cache directory = $TMP/s/smb/cache
		lock directory = $TMP/s/smb/lock
		pid directory = $TMP/s/smb/pid
		ncalrpc dir = $TMP/s/smb/ncalrpc
		log file = $TMP/s/smb/log/smbd
		map to guest = bad user
		guest account = nobody
		server min protocol = NT1
		printing = bsd
		load printers = no
		[share]
		path = $TMP/s/smb/share
		guest ok = yes
	EOT
	serve smbd.service smbd -F --no-process-group -s "$TMP/s/smb.conf"
fi
rpc=
if needs "RPC and NFS" rpcbind rpcinfo ganesha.nfsd nfs-ls; then
	rpc=1
	mkdir -p "$TMP/run" "$TMP/lib/nfs/ganesha" "$TMP/s/nfs"
	echo hello >"$TMP/s/nfs/file"
	# Both keep sockets and state below /run and /var/lib: of the test's own, not the machine's.
	private() { # UNIT COMMAND...
		local unit=$1
		shift
		serve "$unit" unshare --mount sh -c "mount --bind $TMP/run /run && mount --bind $TMP/lib /var/lib &&
			exec $*"
	}
	private rpcbind.service rpcbind -f -w -h $S
	cat >"$TMP/s/ganesha.conf" <<-EOT
		NFS_CORE_PARAM { Protocols = 3, 4; Bind_addr = $S; Enable_NLM = false; Enable_RQUOTA = false;
			MNT_Port = 20048; }
		NFSv4 { Graceless = true; RecoveryBackend = fs; }
		EXPORT { Export_Id = 1; Path = $TMP/s/nfs; Pseudo = /nfs; Access_Type = RW; Squash = None;
			Protocols = 3, 4; Transports = TCP, UDP; SecType = sys; FSAL { Name = VFS; } }
	EOT
	ready 111
	private ganesha.service ganesha.nfsd -F -L /dev/stdout -p "$TMP/s/ganesha.pid" -f "$TMP/s/ganesha.conf"
fi

# --- DNS --------------------------------------------------------------------------------------

resolves() { # NAME RESOLV.CONF-OPTIONS: the C library asks
	printf 'nameserver %s\noptions timeout:%d attempts:2 %s\n' $S "$limit" "$2" >"$TMP/resolv.conf"
	asks "$1" getent ahostsv4 s.example
}

if [[ $(type -P dnsmasq) ]]; then
	: >"$TMP/resolv.conf"
	must mount --bind "$TMP/resolv.conf" /etc/resolv.conf
	ready 53
	resolves "DNS" ""
	speaks "DNS" udp/53 dns=1
	covered "DNS" udp/53 plaintext 1
	resolves "DNS over TCP" use-vc
	speaks "DNS over TCP" tcp/53 dns=1
	umount /etc/resolv.conf
fi

# --- FTP --------------------------------------------------------------------------------------

if [[ -e $TMP/s/vsftpd.conf ]]; then
	ready 21
	asks FTP curl -sS --max-time "$limit" ftp://$S/file
	speaks FTP tcp/21 ftp=1
	asks "FTP upgraded" curl -sSk --max-time "$limit" --ssl-reqd ftp://$S/file
	within "FTP upgraded is not plaintext" "${CLASS_WAIT:-3}" jqc s map --by address -- "[.edges[] |
		select(.port == 21) | .encryption] | (map(.plaintext) | add) == 1 and (map(.tls // 0) | add) == 1"
fi

# --- Telnet -------------------------------------------------------------------------------------

if [[ $telnet ]]; then
	ready 23
	mkfifo "$TMP/keys"
	on c timeout "$limit" busybox telnet $S <"$TMP/keys" >"$TMP/screen" 2>&1 &
	exec 7>"$TMP/keys"
	within "Telnet: client and server understand each other" 5 grep -q welcome "$TMP/screen"
	speaks Telnet tcp/23 telnet=1
	covered Telnet tcp/23 plaintext 1
	exec 7>&-
	wait $!
fi

# --- SMB ----------------------------------------------------------------------------------------

if [[ -e $TMP/s/smb.conf ]]; then
	ready 445
	smb=(smbclient -s "$TMP/s/smb.conf" -N "//$S/share" -c ls)
	asks "SMB 3" "${smb[@]}" -m SMB3
	speaks "SMB 3" tcp/445 smb=1
	asks "SMB 1" "${smb[@]}" -m NT1 --option="client min protocol=NT1"
	speaks "SMB 1 beside it" tcp/445 smb=2
	covered SMB tcp/445 plaintext 2
fi

# --- RPC and NFS ----------------------------------------------------------------------------------

if [[ $rpc ]]; then
	asks "RPC over TCP" rpcinfo -T tcp $S 100000 4
	speaks_only "RPC over TCP" tcp/111 rpc
	asks "RPC over UDP" rpcinfo -T udp $S 100000 4
	speaks_only "RPC over UDP" udp/111 rpc
	ready 2049
	asks "NFS 4" nfs-ls "nfs://$S/nfs?version=4"
	speaks "NFS 4" tcp/2049 nfs=1
	covered "NFS 4" tcp/2049 plaintext 1
	asks "NFS 3" nfs-ls "nfs://$S$TMP/s/nfs?version=3&nfsport=2049&mountport=20048"
	speaks "NFS 3 beside it" tcp/2049 nfs=2
	speaks "the mount protocol of NFS 3" tcp/20048 rpc=1
fi
