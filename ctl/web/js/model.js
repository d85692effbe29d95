// SPDX-License-Identifier: Apache-2.0
// model.js - the map as it is embedded, made whole and safe to count with; nothing is drawn here.

const COVER_SECRET = new Set(["tls", "dtls", "ssh", "quic", "wireguard", "ipsec"]);
const VERDICTS = ["allow", "would", "deny"];
const COVERS = ["encrypted", "plaintext", "unknown"];

const isObject = (v) => v !== null && typeof v === "object" && !Array.isArray(v);
const object = (v) => isObject(v) ? v : {};
const list = (v) => Array.isArray(v) ? v : [];
const count = (v) => typeof v === "number" && v >= 0 ? v : 0;
const text = (v) => typeof v === "string" ? v : typeof v === "number" ? String(v) : "";
const entries = (v) => Object.entries(object(v));

function readNode(raw) {
	const node = {
		id: text(raw.id),
		kind: text(raw.kind),
		segments: list(raw.segments).map(text).filter((s) => s !== ""),
		labels: entries(raw.labels).map(([k, v]) => [k, text(v)]),
		hints: list(raw.hints).filter(isObject).map((h) => ({ name: text(h.name), source: text(h.source) })),
		near: raw.near === true,
		host: text(raw.host),
		address: "",
		out: [],
		in: [],
		connections: 0,
	};
	if (node.id.startsWith("address:"))
		node.address = node.id.slice(8);
	node.name = visible(text(raw.name).trim() === "" ? node.id : text(raw.name));
	if (node.kind === "address" && node.host !== "" && node.host !== text(raw.name))
		node.name = visible(node.host + " " + text(raw.name));
	node.find = [raw.name, node.id, node.host, ...node.segments, ...node.labels.flat(),
		...node.labels.map((l) => l.join("=")), ...node.hints.map((h) => h.name)].join("\n");
	return node;
}

function readVerdict(raw) {
	const part = (key) => {
		const v = object(object(raw)[key]);
		return { deny: v.action === "deny", rule: visible(text(v.rule)) };
	};
	const live = part("live"), candidate = part("candidate");
	return { live, candidate, state: live.deny ? "deny" : candidate.deny ? "would" : "allow" };
}

/* Connections by whether anybody on the way could read them; what is not known is kept apart. */
function readCover(raw) {
	const ret = { encrypted: 0, plaintext: 0, unknown: 0, classes: [] };
	for (const [name, n] of entries(raw)) {
		const where = COVER_SECRET.has(name) ? "encrypted" :
			name === "plaintext" ? "plaintext" : "unknown";
		ret[where] += count(n);
		if (count(n))
			ret.classes.push([name, count(n)]);
	}
	ret.total = ret.encrypted + ret.plaintext + ret.unknown;
	ret.classes.sort((a, b) => b[1] - a[1]);
	return ret;
}

/* What one word says of all connections: only when every one was encrypted is it that. */
function coverOf(c) {
	if (c.encrypted && c.encrypted === c.total)
		return "encrypted";
	if (c.encrypted)
		return "partly";
	return c.plaintext ? "plaintext" : "unknown";
}

const WORK_KEYS = ["unit", "container", "cgroup", "user", "exe", "exe_path", "command", "comm", "pid"];

function readWork(raw) {
	if (!isObject(raw))
		return null;
	const ret = {};
	for (const key of WORK_KEYS.concat(["uid"])) {
		if (text(raw[key]) !== "")
			ret[key] = visible(text(raw[key]));
	}
	ret.delegated = raw.delegated === true;
	ret.name = ret.unit || ret.container || (ret.exe || "").split("/").pop() || ret.cgroup || ret.user ||
		(ret.uid !== undefined ? "uid " + ret.uid : "");
	return ret;
}

function readHealth(raw) {
	if (!isObject(raw))
		return null;
	const rtt = object(raw.rtt_us);
	return {
		refused: count(raw.refused),
		unanswered: count(raw.unanswered),
		resets: count(raw.resets),
		retransmits: count(raw.retransmits),
		p50: typeof rtt.p50 === "number" ? rtt.p50 : null,
		p99: typeof rtt.p99 === "number" ? rtt.p99 : null,
		samples: count(rtt.samples),
	};
}

function serviceOf(raw) {
	const proto = visible(text(raw.proto));
	return text(raw.port) === "" || (raw.port === 0 && !/^(tcp|udp|icmp)/.test(proto))
		? proto : proto + "/" + visible(text(raw.port));
}

function readEdge(raw, index, map) {
	const shared = (v) => typeof v === "number" ? map.pool[v] : v;
	const size = object(raw.bytes);
	const edge = {
		index,
		src: nodeOf(map, text(raw.src)),
		dst: nodeOf(map, text(raw.dst)),
		service: serviceOf(raw),
		port: count(raw.port),
		proto: visible(text(raw.proto)),
		verdict: readVerdict(shared(raw.verdict)),
		work: readWork(shared(raw.workload)),
		dstWork: readWork(shared(raw.dst_workload)),
		connections: count(raw.connections),
		toDst: count(size.to_dst),
		toSrc: count(size.to_src),
		packets: count(object(raw.packets).to_dst) + count(object(raw.packets).to_src),
		cover: readCover(raw.encryption),
		protocols: entries(raw.protocols).map(([w, n]) => [visible(w), count(n)])
			.sort((a, b) => b[1] - a[1]),
		health: readHealth(raw.health),
		kind: visible(text(raw.kind)),
		first: Date.parse(text(raw.first_seen)),
		last: Date.parse(text(raw.last_seen)),
		seenBy: list(raw.seen_by).map((h) => visible(text(h))),
		disagree: list(raw.disagreements),
	};
	edge.state = edge.verdict.state;
	edge.secrecy = coverOf(edge.cover);
	const works = [edge.work, edge.dstWork].filter(Boolean).map((w) =>
		WORK_KEYS.map((k) => w[k] || "").join("\n"));
	edge.find = visible([edge.src.find, edge.dst.find].join("\n")).toLowerCase() + "\n" +
		[edge.service, edge.port, ...edge.protocols.map((p) => p[0]), edge.secrecy,
			edge.verdict.live.rule, edge.verdict.candidate.rule, ...works].join("\n").toLowerCase();
	return edge;
}

/* An edge may name a node that is not in the list: then its id is all that is known. */
function nodeOf(map, id) {
	let node = map.byId.get(id);
	if (!node) {
		node = readNode({ id });
		map.byId.set(id, node);
		map.nodes.push(node);
	}
	return node;
}

function readMap(data) {
	const raw = object(data.map), view = object(raw.view), window = object(raw.window);
	const map = {
		nodes: [], edges: [], byId: new Map(), pool: list(raw.pool),
		host: visible(text(view.host)), source: visible(text(view.source)), by: visible(text(raw.by)),
		from: Date.parse(text(window.from)), to: Date.parse(text(window.to)),
		made: Date.parse(text(data.made)), command: visible(text(data.command)),
		version: visible(text(data.version)),
		losses: entries(raw.losses).filter((l) => count(l[1])).map(([k, n]) => [visible(k), n]),
		disagreements: list(raw.disagreements),
	};
	for (const one of list(raw.nodes).filter(isObject)) {
		const node = readNode(one);
		if (!map.byId.has(node.id)) {
			map.byId.set(node.id, node);
			map.nodes.push(node);
		}
	}
	map.edges = list(raw.edges).filter(isObject).map((e, i) => readEdge(e, i, map));
	attachDisagreements(map);
	map.matched = Math.max(count(raw.matched), map.edges.length);
	for (const edge of map.edges) {
		edge.src.out.push(edge);
		edge.dst.in.push(edge);
		edge.src.connections += edge.connections;
		edge.dst.connections += edge.connections;
	}
	map.nodes.forEach((node, i) => { node.index = i; });
	const times = map.edges.flatMap((e) => [e.first, e.last]).filter(Number.isFinite);
	map.begin = times.reduce((a, b) => Math.min(a, b), Infinity);
	map.end = times.reduce((a, b) => Math.max(a, b), -Infinity);
	if (!times.length)
		map.begin = map.end = Number.isFinite(map.from) ? map.from : 0;
	return map;
}

// --- what is in view ---------------------------------------------------------------

function passes(edge) {
	if (!state.verdicts.has(edge.state))
		return false;
	const c = edge.cover;
	if (c.total ? !COVERS.some((k) => c[k] && state.covers.has(k)) : !state.covers.has("unknown"))
		return false;
	if (state.protocols && !protocolWords(edge).some((w) => state.protocols.has(w)))
		return false;
	const at = state.timeBy === "last" ? edge.last : edge.first;
	return !Number.isFinite(at) || (at >= state.from && at <= state.to);
}

const protocolWords = (edge) => edge.protocols.length ? edge.protocols.map((p) => p[0]) : ["unknown"];

/* The nodes within the depth of the focus, and how far each is. */
function neighbourhood(edges, focus) {
	const far = new Map(), next = new Map();
	const link = (a, b) => {
		if (!next.has(a))
			next.set(a, []);
		next.get(a).push(b);
	};
	for (const edge of edges) {
		if (focus.way !== "in")
			link(edge.src, edge.dst);
		if (focus.way !== "out")
			link(edge.dst, edge.src);
	}
	let ring = [...focus.ids];
	ring.forEach((node) => far.set(node, 0));
	for (let depth = 1; depth <= focus.depth && ring.length; depth++) {
		const found = [];
		for (const node of ring) {
			for (const other of next.get(node) || []) {
				if (!far.has(other)) {
					far.set(other, depth);
					found.push(other);
				}
			}
		}
		ring = found;
	}
	return far;
}

/* An edge belongs when following it from the focus stays within the depth. */
function inFocus(edge, far, focus) {
	const a = far.get(edge.src), b = far.get(edge.dst);
	if (a === undefined || b === undefined)
		return false;
	if (focus.edge)
		return focus.depth > 0 ? Math.min(a, b) < focus.depth || edge === focus.edge : edge === focus.edge;
	if (focus.way === "out")
		return a < focus.depth;
	if (focus.way === "in")
		return b < focus.depth;
	return Math.min(a, b) < focus.depth;
}

function edgesInView(map) {
	const wanted = state.query.toLowerCase().split(/\s+/).filter(Boolean);
	let edges = map.edges.filter((e) => passes(e) && wanted.every((w) => e.find.includes(w)));
	if (state.focus) {
		const far = neighbourhood(edges, state.focus);
		edges = edges.filter((e) => inFocus(e, far, state.focus));
	}
	return edges;
}

/* Numbers of several edges added up. Percentiles cannot be: the worst of each is kept. */
function addUp(edges) {
	const sum = {
		edges: edges.length, connections: 0, toDst: 0, toSrc: 0, packets: 0, first: Infinity,
		last: -Infinity, states: { allow: 0, would: 0, deny: 0 }, refused: 0, unanswered: 0,
		resets: 0, retransmits: 0, p50: null, p99: null, health: false,
		cover: { encrypted: 0, plaintext: 0, unknown: 0, total: 0 }, services: new Map(),
		protocols: new Map(),
	};
	for (const e of edges) {
		for (const key of ["connections", "toDst", "toSrc", "packets"])
			sum[key] += e[key];
		if (e.first < sum.first)
			sum.first = e.first;
		if (e.last > sum.last)
			sum.last = e.last;
		sum.states[e.state]++;
		for (const key of ["encrypted", "plaintext", "unknown", "total"])
			sum.cover[key] += e.cover[key];
		sum.services.set(e.service, (sum.services.get(e.service) || 0) + e.connections);
		for (const [word, n] of e.protocols)
			sum.protocols.set(word, (sum.protocols.get(word) || 0) + n);
		if (!e.health)
			continue;
		sum.health = true;
		for (const key of ["refused", "unanswered", "resets", "retransmits"])
			sum[key] += e.health[key];
		for (const key of ["p50", "p99"])
			if (e.health[key] !== null && e.health[key] > (sum[key] === null ? -1 : sum[key]))
				sum[key] = e.health[key];
	}
	return sum;
}
