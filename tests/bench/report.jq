# SPDX-License-Identifier: Apache-2.0
#
# report.jq - samples of tests/bench/measure to bench.json.
#
# input:  samples taken on this machine (slurped)
# $emulated: samples taken where the clock counts instructions, or []
# $kernel $emulated_kernel $cpus $commit: facts

def median: sort | if length == 0 then null
	elif length % 2 == 1 then .[(length - 1) / 2]
	else (.[length / 2 - 1] + .[length / 2]) / 2 end;
def stats: {median: median, min: min, max: max};
def round_to($digits): if . == null then . else (. * $digits | round) / $digits end;
def rounded($digits): map_values(if type == "number" then round_to($digits) else . end);

def over($a; $b): if $a == null or $b == null or $b <= 0 then null else $a / $b end;

# The way that decides: one that could not be measured, else the worst.
def worst(by): (map(select(.value == null)) + [max_by(by)])[0];

# Samples of one kind and name, per operation, in one unit.
def values($kind; $name; unit):
	map(select(.kind == $kind and .name == $name) | select(unit != null) | unit / .ops);

# Where instructions come from: this machine's counters, else emulation, else there are none.
def counted: any(.[]; .instructions != null);
def source($native):
	if $native | counted then
		{samples: $native, unit: "kernel instructions", by: "perf counters, \($kernel)"}
	elif $emulated | counted then
		{samples: $emulated, unit: "kernel instructions",
		 by: "counted by emulation, \($emulated_kernel)"}
	else
		{samples: $native, unit: "kernel ns", by: "no counters here: CPU time, \($kernel)"}
	end;
def source_values($source; $kind; $name):
	$source.samples | if $source.unit == "kernel ns" then values($kind; $name; .ns)
		else values($kind; $name; .instructions) end;

# What a scenario adds to the same load without filter; one number per sample. Where emulation
# counts, the agent's own process is not in it (agent_beside has it, in the same unit).
def added($source; $kind; $name; $way):
	(source_values($source; $kind; "bare/" + $way) | median) as $bare |
	source_values($source; $kind; $name + "/" + $way) | map(. - $bare);

def row($name; $unit; $value; $target; $ok; $ours; $reference; $how):
	{$name, $unit, value: ($value | round_to(1000)), $target,
	 ok: ($value != null and $ok), $ours, $reference} + $how;

# Traffic that the peer opens and that the host opens: the worse of both counts.
def added_row($name; $source; $kind; $ours; $reference; $against; $what; $target):
	[("in", "out") as $way |
	 added($source; $kind; $ours; $way) as $a | added($source; $kind; $reference; $way) as $b |
	 {way: $way, value: over($a | median; $b | median),
	  ours: ($a | stats | rounded(1)), reference: ({name: $against} + ($b | stats | rounded(1)))}] |
	. as $ways | worst(.value) |
	row($name; "ratio"; .value; $target; .value <= $target; .ours; .reference;
	    {measured: "\($source.unit) added \($what)", by: $source.by, worse_way: .way,
	     agent_beside: (.way as $way | $source.samples |
		values($kind; $ours + "/" + $way; .agent_ns) |
		median | round_to(1)),
	     ways: ($ways | map({(.way): (.value | round_to(1000))}) | add)});

def cost_row($samples):
	($samples | values("cost"; "lookup"; .ns) | stats) as $ref |
	[("in", "out") as $way | ($samples | values("cost"; "ours/" + $way; .ns)) as $a |
	 {way: $way, stats: ($a | stats), value: over($a | median; $ref.median)}] |
	. as $ways | worst(.value) |
	row("established_cost"; "ratio"; .value; 1.5; .value <= 1.5; .stats | rounded(10);
	    {name: "parse and one LRU lookup"} + ($ref | rounded(10));
	    {measured: "ns per packet, test run", by: $kernel, worse_way: .way,
	     ways: ($ways | map({(.way): (.value | round_to(1000))}) | add),
	     empty_program: ($samples | values("cost"; "empty"; .ns) | stats | rounded(10))});

def rate_row($samples):
	[("in", "out") as $way |
	 {way: $way,
	  ours: ($samples | values("rate"; "ours/" + $way; .ns) | map(1e9 / .) | stats),
	  bare: ($samples | values("rate"; "bare/" + $way; .ns) | map(1e9 / .) | stats)} |
	 .value = over(.ours.median; .bare.median)] |
	. as $ways | worst(-.value) |
	row("conn_rate"; "ratio"; .value; 0.95; .value >= 0.95; .ours | rounded(1);
	    {name: "no filter"} + (.bare | rounded(1));
	    {measured: "connections per second", by: $kernel, worse_way: .way,
	     ways: ($ways | map({(.way): (.value | round_to(1000))}) | add)});

def commit_rows($samples):
	($samples | values("commit"; "time"; .ns) | map(. / 1e9)) as $time |
	($samples | values("commit"; "peak"; .bytes) | map(. / 1e6)) as $peak |
	row("commit_time"; "s"; $time | median; 2; ($time | median) <= 2;
	    $time | stats | rounded(1000); {name: null, median: null, min: null, max: null};
	    {measured: "file replaced to enforced: 10,000 rules, 100,000 addresses", by: $kernel}),
	row("commit_rss"; "MB"; $peak | median; 200; ($peak | median) <= 200;
	    $peak | stats | rounded(10); {name: null, median: null, min: null, max: null};
	    {measured: "peak memory of the agent over that commit", by: $kernel});

def nothing: {name: null, median: null, min: null, max: null};

# Times that people wait for, in seconds or milliseconds; the median counts.
def time_row($samples; $row; $kind; $name; $unit; $per; $target; $measured):
	($samples | values($kind; $name; .ns) | map(. / $per)) as $t |
	row($row; $unit; $t | median; $target; ($t | length > 0) and ($t | median) <= $target;
	    $t | stats | rounded(1000); nothing; {measured: $measured, by: $kernel});

def drop_row($samples):
	($samples | values("drop"; "lost"; .packets)) as $lost |
	($samples | values("drop"; "sent"; .packets) | add) as $sent |
	row("commit_drop"; "packets"; $lost | max; 0; ($lost | length > 0) and ($lost | max) == 0;
	    $lost | stats; nothing;
	    {measured: "lost of \($sent // "no") datagrams, 10,000 a second, over three commits at that size",
	     by: $kernel});

def plan_row($samples):
	($samples | values("plan"; "edges"; .count) | max) as $edges |
	time_row($samples; "plan_time"; "plan"; "time"; "s"; 1e9; 5;
		"policy plan of that policy over \($edges // "no") recorded edges");

# The agent's processor time, and whether it saw everything: it must, to count.
def storm_row($samples):
	def of($name; unit): $samples | values("storm"; $name; unit);
	(of("agent"; .ns) | map(. / 1e6)) as $ours | (of("conntrack"; .ns) | map(. / 1e6)) as $ref |
	((of("missing"; .count) + of("lost"; .count)) | if length > 0 then add else null end) as $lost |
	over($ours | median; $ref | median) as $value |
	row("agent_cpu"; "ratio"; $value; 0.5; $value <= 0.5 and $lost == 0 and (of("agent-rate"; .count) | median) >= 9500;
	    $ours | stats | rounded(10); {name: "conntrack -E to a file"} + ($ref | stats | rounded(10));
	    {measured: ("CPU ms while a peer opens 50,000 connections at " +
			"\(of("agent-rate"; .count) | median // "no") a second (\(of("conntrack-rate"; .count) |
			median // "no")); connections not in the map or lost: \($lost // "unknown"), " +
			"conntrack missed \(of("conntrack-missing"; .count) | add // "unknown")"),
	     by: $kernel});

def memory_row($samples):
	def of($name; unit): $samples | values("memory"; $name; unit);
	((of("tracked"; .bytes) + of("after"; .bytes)) | map(. / 1e6)) as $rss |
	(of("flows"; .count) | min) as $flows |
	($samples | values("map"; "loaded-edges"; .count) | min) as $edges |
	row("agent_rss"; "MB"; $rss | max; 64;
	    ($rss | max) <= 64 and $flows >= 1000000 and $edges >= 100000;
	    $rss | stats | rounded(10); nothing;
	    {measured: ("resident, \($flows // "no") flows tracked, \($edges // "no") edges; peak while " +
			"answering \(of("peak"; .bytes) | max | over(.; 1e6) | round_to(10)) MB; kernel maps " +
			"\(of("maps"; .bytes) | max | over(.; 1e6) | round_to(1)) MB"),
	     by: $kernel});

def map_row($samples):
	def of($name; unit): $samples | values("map"; $name; unit);
	(of("loaded"; .ns) | median | over(.; 1e9) | round_to(1000)) as $loaded |
	time_row($samples; "map_time"; "map"; "time"; "s"; 1e9; 1;
		("ztctl --json map over \(of("time-edges"; .count) | min // "no") edges, agent\u0027s CPU in it " +
		 "\(of("time-agent"; .ns) | median | over(.; 1e6) | round_to(1)) ms; with 1,000,000 living flows " +
		 "in them \($loaded) s"));

def assess_rows($samples):
	def of($name; unit): $samples | values("assess"; $name; unit);
	(of("memory"; .bytes) | map(. / 1e6)) as $memory |
	time_row($samples; "assess_time"; "assess"; "time"; "s"; 1e9; 2;
		("ztctl --json assess, passive, of that host with its flows and " +
		 "\(of("listeners"; .count) | max // "no") listeners")),
	row("assess_rss"; "MB"; $memory | max; 64; ($memory | length > 0) and ($memory | max) <= 64;
	    $memory | stats | rounded(10); nothing;
	    {measured: ("all of its processes together; the largest alone " +
			"\(of("largest"; .bytes) | max | over(.; 1e6) | round_to(10)) MB"), by: $kernel});

def html_rows($samples):
	def of($name; unit): $samples | values("html"; $name; unit);
	(of("size"; .bytes) | map(. / 1e6)) as $size |
	row("html_size"; "MB"; $size | max; 3; ($size | length > 0) and ($size | max) <= 3;
	    $size | stats | rounded(1000); nothing;
	    {measured: "ztctl map --html of \(of("edges"; .count) | max // "no") edges", by: $kernel}),
	time_row($samples; "html_ready"; "html"; "ready"; "s"; 1e9; 2;
		("that page asked for in Chromium until it answers what is typed into its search; drawn after " +
		 "\(of("own"; .ns) | median | over(.; 1e6) | round_to(1)) ms"));

# Everything that was sampled, for whoever wants to look closer.
def details($samples; $by):
	$samples | group_by([.kind, .name]) | map({
		kind: .[0].kind, name: .[0].name, by: $by, samples: length,
		ns: (map(select(.ns != null) | .ns / .ops) | stats | rounded(10)),
		instructions: (map(select(.instructions != null) | .instructions / .ops) | stats |
			rounded(1)),
		agent_ns: (map(select(.agent_ns != null) | .agent_ns / .ops) | median | round_to(1))});

. as $native | source($native) as $source |
{
	kernel: $kernel,
	cpus: ($cpus | tonumber),
	commit: $commit,
	counters: $source.by,
	rows: [
		cost_row($native),
		added_row("tcp_conn_instr"; $source; "tcp"; "ours"; "nft"; "nftables";
			  "per TCP connection"; 0.35),
		added_row("udp_pkt_instr"; $source; "udp"; "ours"; "nft"; "nftables";
			  "per 64-byte UDP packet"; 0.25),
		rate_row($native),
		added_row("scale"; $source; "tcp"; "large"; "ours"; "10 rules over 10 addresses";
			  "per TCP connection, 10,000 rules over 100,000 addresses"; 1.5),
		commit_rows($native),
		time_row($native; "check_time"; "check"; "time"; "s"; 1e9; 1;
			"policy check: 10,000 rules, 100,000 addresses"),
		time_row($native; "label_latency"; "label"; "change"; "ms"; 1e6; 100;
			"ztctl label set to in force, at that size"),
		drop_row($native),
		plan_row($native),
		storm_row($native),
		memory_row($native),
		map_row($native),
		assess_rows($native),
		html_rows($native)
	],
	details: (details($native; $kernel) + details($emulated; $emulated_kernel))
}
