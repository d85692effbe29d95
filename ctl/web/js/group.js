// SPDX-License-Identifier: Apache-2.0
// group.js - from edges to what is drawn: cards of groups, rows of nodes, lines between them.

const CARDS_MAX = 150; // the rest becomes one card
const ROWS_FIRST = 20; // of an expanded group, before "more"
const LINES_EXPANDED = 56; // at most so many lines for groups to begin expanded
const LINES_DRAWN = 160; // at most, those with most connections, until all are asked for
const OTHERS = "\u0000others";

/* The ways this map can be grouped: by what its nodes have. */
function groupings(map) {
	const values = new Map();
	const networks = new Set();
	let segments = 0;
	for (const node of map.nodes) {
		segments += node.segments.length > 0;
		if (networkOf(node, 24) !== "")
			networks.add(networkOf(node, 24));
		for (const [key, value] of node.labels) {
			if (!values.has(key))
				values.set(key, { nodes: 0, different: new Set() });
			values.get(key).nodes++;
			values.get(key).different.add(value);
		}
	}
	const keys = [...values].filter(([, v]) => v.different.size < map.nodes.length || v.nodes < 3)
		.sort((a, b) => b[1].nodes - a[1].nodes || (a[0] < b[0] ? -1 : 1)).slice(0, 20);
	const ret = [];
	if (segments && map.by !== "segment")
		ret.push({ id: "segment", name: () => t("by_segment") });
	for (const [key] of keys)
		ret.push({ id: "label:" + key, name: () => t("by_label", { key: cut(visible(key), 40) }) });
	if (networks.size > 1) {
		ret.push({ id: "network24", name: () => t("by_network", { sizes: "/24, /64" }) });
		ret.push({ id: "network16", name: () => t("by_network", { sizes: "/16, /48" }) });
	}
	ret.push({ id: "none", name: () => t("by_none") });
	return { ways: ret, best: bestGrouping(map, segments, keys, networks.size) };
}

function bestGrouping(map, segments, keys, networks) {
	const most = (n) => n * 2 >= map.nodes.length;
	if (map.by === "segment" || map.nodes.length < 3)
		return "none";
	if (segments && most(segments))
		return "segment";
	const useful = keys.find(([, v]) => most(v.nodes) && v.different.size > 1 && v.different.size <= 60);
	if (useful)
		return "label:" + useful[0];
	if (segments)
		return "segment";
	if (map.nodes.length <= ROWS_FIRST || networks < 2)
		return "none";
	return networks > 30 ? "network16" : "network24";
}

/* The network of an address, of 24 or 16 bits, in IPv6 of 64 or 48; "" where there is no address. */
function networkOf(node, bits) {
	const v4 = /^(\d+\.\d+)(\.\d+)\.\d+$/.exec(node.address);
	if (v4)
		return bits === 24 ? v4[1] + v4[2] + ".0/24" : v4[1] + ".0.0/16";
	if (!/^[0-9a-f:]+$/i.test(node.address) || !node.address.includes(":"))
		return "";
	const [head, tail] = node.address.split("::");
	const left = head ? head.split(":") : [], right = tail ? tail.split(":") : [];
	const missing = tail === undefined ? [] : Array(Math.max(0, 8 - left.length - right.length)).fill("0");
	const parts = left.concat(missing, right);
	return bits === 24 ? parts.slice(0, 4).join(":") + "::/64" : parts.slice(0, 3).join(":") + "::/48";
}

/* The group of a node; "" is for those that have none. */
function groupKey(node) {
	if (state.grouping === "segment")
		return node.segments.join(" + ");
	if (state.grouping.startsWith("network"))
		return networkOf(node, Number(state.grouping.slice(7)));
	if (state.grouping.startsWith("label:")) {
		const label = node.labels.find(([key]) => key === state.grouping.slice(6));
		return label ? label[1] : "";
	}
	return node.id;
}

function groupName(key) {
	if (key === OTHERS)
		return t("others");
	if (key !== "")
		return visible(key);
	return state.grouping === "segment" ? t("no_segment") :
		state.grouping.startsWith("network") ? t("no_network") : t("no_label");
}

/* What a line's look says: of the verdict or of the encryption; a denial shows in both. */
function lineClass(edge) {
	if (edge.state === "deny" || state.color === "verdict")
		return edge.state;
	return edge.secrecy;
}

const CLASSES = ["allow", "would", "deny", "encrypted", "partly", "plaintext", "unknown"];

/* Groups of the nodes in view, the busiest first, folded where there are too many. */
function groupsInView(edges) {
	const groups = new Map();
	const touch = (node, n) => {
		const key = groupKey(node);
		let group = groups.get(key);
		if (!group)
			groups.set(key, group = { key, nodes: new Map(), connections: 0 });
		group.nodes.set(node, (group.nodes.get(node) || 0) + n);
		group.connections += n;
	};
	for (const edge of edges) {
		touch(edge.src, edge.connections);
		touch(edge.dst, edge.connections);
	}
	const order = [...groups.values()].sort((a, b) =>
		b.connections - a.connections || (a.key < b.key ? -1 : 1));
	if (order.length <= CARDS_MAX)
		return order;
	const others = { key: OTHERS, nodes: new Map(), connections: 0 };
	for (const group of order.splice(CARDS_MAX - 1)) {
		group.nodes.forEach((n, node) => others.nodes.set(node, n));
		others.connections += group.connections;
	}
	order.push(others);
	return order;
}

/* Whether groups begin expanded: only where that many lines can still be followed. */
function fewLines(edges, groups) {
	const lines = new Set();
	if (groups.some((g) => g.nodes.size > ROWS_FIRST))
		return false;
	for (const edge of edges) {
		lines.add(edge.src.index + "|" + edge.dst.index + "|" + lineClass(edge));
		if (lines.size > LINES_EXPANDED)
			return false;
	}
	return true;
}

const chosenKey = (key) => state.grouping + "\u0000" + key;

function makeCard(group, open, scene) {
	const chosen = state.expanded.get(chosenKey(group.key));
	const card = {
		key: group.key, size: group.nodes.size, nodes: [...group.nodes.keys()], items: [], inner: [],
		single: group.nodes.size === 1 && group.key !== OTHERS,
		name: state.grouping === "none" && group.key !== OTHERS ?
			[...group.nodes.keys()][0].name : groupName(group.key),
	};
	card.open = card.single || (chosen === undefined ? open : chosen);
	const add = (item) => {
		Object.assign(item, { card, id: scene.items.length, lines: [] });
		scene.items.push(item);
		card.items.push(item);
		for (const node of item.nodes)
			scene.itemOf.set(node, item);
	};
	if (!card.open) {
		add({ kind: "group", name: card.name, nodes: card.nodes });
		return card;
	}
	const order = [...group.nodes].sort((a, b) => b[1] - a[1] || (a[0].name < b[0].name ? -1 : 1))
		.map(([node]) => node);
	const limit = state.shown.get(chosenKey(group.key)) || ROWS_FIRST;
	const head = order.length <= limit + 1 ? order : order.slice(0, limit);
	head.forEach((node) => add({ kind: "node", name: node.name, node, nodes: [node] }));
	if (head.length < order.length) {
		const rest = order.slice(head.length);
		add({ kind: "more", name: t("more_nodes", { n: rest.length }), nodes: rest });
	}
	return card;
}

/*
 * buildScene - cards with items, and the lines between items: edges of the same look between the
 * same two items are one line. Lines inside one collapsed group are counted on its card.
 */
function buildScene(edges) {
	const scene = { cards: [], items: [], lines: [], itemOf: new Map(), edges };
	const groups = groupsInView(edges);
	const open = fewLines(edges, groups);
	scene.cards = groups.map((group) => makeCard(group, open, scene));
	scene.cards.forEach((card, i) => { card.index = i; });
	const lines = new Map();
	for (const edge of edges) {
		const src = scene.itemOf.get(edge.src), dst = scene.itemOf.get(edge.dst);
		if (src === dst) {
			src.card.inner.push(edge);
			continue;
		}
		// Staged denials are a line of their own, whatever the lines tell.
		const look = lineClass(edge), staged = edge.state === "would";
		const key = src.id + "|" + dst.id + "|" + look + (staged ? "|staged" : "");
		let line = lines.get(key);
		if (!line) {
			lines.set(key, line = { key, src, dst, look, staged, edges: [], connections: 0 });
			src.lines.push(line);
			dst.lines.push(line);
		}
		line.edges.push(edge);
		line.connections += edge.connections;
	}
	scene.lines = [...lines.values()];
	findHubs(scene);
	if (!state.allLines)
		keepStrongest(scene);
	scene.lines.forEach((line) => { line.text = lineText(line); });
	return scene;
}

/*
 * Hubs are groups that call, or are called by, most others: monitoring, backup, names, logs. Their allowed lines
 * would hide all others; they are drawn faint, or left out, as chosen. Denials are drawn in full.
 */
function findHubs(scene) {
	const out = new Map(scene.cards.map((card) => [card, new Set()]));
	const into = new Map(scene.cards.map((card) => [card, new Set()]));
	for (const { src, dst } of scene.lines) {
		out.get(src.card).add(dst.card);
		into.get(dst.card).add(src.card);
	}
	// One way counts: what sits in the middle has both callers and called, and is no hub for it.
	const hub = (card) => Math.max(out.get(card).size, into.get(card).size) > (scene.cards.length - 1) / 2;
	scene.hubs = scene.cards.length >= 8 ? scene.cards.filter(hub) : [];
	if (scene.hubs.length * 2 > scene.cards.length)
		scene.hubs = []; // everybody talks to everybody: then it is no distinction
	scene.hidden = 0;
	for (const line of scene.lines)
		line.faint = state.hubs !== "full" && line.look !== "deny" && !line.staged &&
			(scene.hubs.includes(line.src.card) || scene.hubs.includes(line.dst.card));
	if (state.hubs !== "hidden" || !scene.hubs.length)
		return;
	const kept = new Set(scene.lines.filter((line) => !line.faint));
	scene.lines.forEach((line) => { scene.hidden += line.faint ? line.edges.length : 0; });
	keepLines(scene, kept);
	scene.cards = scene.cards.filter((card) => card.inner.length || card.items.some((item) => item.lines.length));
	scene.cards.forEach((card, i) => { card.index = i; });
	scene.items = scene.cards.flatMap((card) => card.items);
	scene.items.forEach((item, i) => { item.id = i; });
}

function keepLines(scene, kept) {
	scene.lines = scene.lines.filter((line) => kept.has(line));
	for (const item of scene.items)
		item.lines = item.lines.filter((line) => kept.has(line));
}

/*
 * More lines than can be followed say nothing: of too many the denials, and then those with most
 * connections are drawn. How many are not is told beside the legend.
 */
function keepStrongest(scene) {
	scene.left = Math.max(0, scene.lines.length - LINES_DRAWN);
	if (!scene.left)
		return;
	const order = [...scene.lines].sort((a, b) => b.connections - a.connections || (a.key < b.key ? -1 : 1));
	const denials = order.filter((line) => line.look === "deny" || line.staged);
	const kept = new Set(denials.slice(0, LINES_DRAWN / 2));
	for (const line of order) {
		if (kept.size < LINES_DRAWN)
			kept.add(line);
	}
	keepLines(scene, kept);
}

/* "tcp/5432 · 12K": the service, or how many of them. */
function lineText(line) {
	const services = new Set(line.edges.map((e) => e.service));
	const what = services.size === 1 ? cut([...services][0], 22) : t("services", { n: services.size });
	return what + " · " + short(line.connections) + (line.edges.some((e) => e.disagree.length) ? " ≠" : "");
}
