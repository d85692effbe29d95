// SPDX-License-Identifier: Apache-2.0
// detail.js - the numbers: what hovering shows in short and the panel of what is selected in full.

const LIST_MAX = 50; // rows of a list in the panel; the table has all

/* One line of facts; key is also what tests and style know it by. */
const fact = (key, value) => value === null || value === "" || value === undefined ? null :
	[el("dt", {}, t("fact_" + key)), el("dd", { "data-fact": key }, value)];

const facts = (...rows) => el("dl", { class: "facts" }, rows);

function rttText(h) {
	return h.p50 === null && h.p99 === null ? null :
		(h.p50 === null ? "–" : micros(h.p50)) + " / " + (h.p99 === null ? "–" : micros(h.p99));
}

const bytesText = (n) => n < 1024 ? bytes(n) : bytes(n) + " (" + number(n) + ")";

/* "encrypted 98.1 %: tls 512, plaintext 10" */
function coverText(cover) {
	if (!cover.total)
		return told("unknown");
	const classes = (cover.classes || COVERS.filter((c) => cover[c]).map((c) => [t("look_" + c), cover[c]]))
		.map(([name, n]) => visible(name) + " " + number(n)).join(", ");
	return [told(coverOf(cover)), el("div", { class: "small" },
		t("cover_share", { share: share(cover.encrypted, cover.total) }) + " · ", bdi(classes))];
}

function ruleText(verdict) {
	const v = verdict, name = (p) => el("code", {}, bdi(p.rule || "–"));
	const now = [sign(v.live.deny ? "deny" : "allow"), t(v.live.deny ? "live_deny" : "live_allow"), " ", name(v.live)];
	const staged = v.candidate.deny === v.live.deny && v.candidate.rule === v.live.rule ? t("staged_same") :
		[sign(v.candidate.deny ? (v.live.deny ? "deny" : "would") : "allow"),
			t(v.candidate.deny ? "staged_deny" : "staged_allow"), " ", name(v.candidate)];
	return [fact("live", el("span", { class: "told" }, now)), fact("staged", el("span", { class: "told" }, staged))];
}

function workFacts(key, work) {
	if (!work)
		return null;
	const lines = [];
	for (const part of ["unit", "container", "cgroup", "user", "exe", "command"]) {
		if (work[part] && !(part === "cgroup" && work.unit))
			lines.push(el("div", {}, el("span", { class: "small" }, t("work_" + part)), " ",
				el(part === "user" ? "span" : "code", {}, bdi(work[part]))));
	}
	if (!work.user && work.uid !== undefined)
		lines.push(el("div", {}, el("span", { class: "small" }, t("work_user")), " ", work.uid));
	return lines.length ? fact(key, lines) : null;
}

function healthFacts(h) {
	if (!h)
		return [];
	const samples = h.samples ? " " + t("samples", { n: h.samples }) : "";
	return [
		fact("rtt", rttText(h) === null ? null : rttText(h) + samples),
		fact("refused", number(h.refused)), fact("unanswered", number(h.unanswered)),
		fact("resets", number(h.resets)), fact("retransmits", number(h.retransmits)),
	];
}

const protocolsText = (protocols) => protocols.slice(0, 8).map(([w, n]) => w + " " + number(n)).join(", ") +
	(protocols.length > 8 ? " …" : "");

function edgeFacts(e, whole) {
	return facts(
		fact("service", e.service),
		fact("protocols", bdi(protocolsText(e.protocols))),
		ruleText(e.verdict),
		fact("encryption", coverText(e.cover)),
		fact("connections", number(e.connections)),
		fact("to_dst", whole ? bytesText(e.toDst) : bytes(e.toDst)),
		fact("to_src", whole ? bytesText(e.toSrc) : bytes(e.toSrc)),
		whole ? fact("packets", number(e.packets)) : null,
		healthFacts(e.health),
		workFacts("work", whole ? e.work : e.work && { unit: e.work.unit, user: e.work.user,
			exe: e.work.unit ? "" : e.work.exe, command: e.work.command }),
		workFacts("dst_work", whole ? e.dstWork : null),
		fact("first", clock(e.first, whole)), fact("last", clock(e.last, whole)),
		whole && e.kind !== "local" ? fact("kind", e.kind) : null,
		whole ? fact("seen_by", e.seenBy.length ? bdi(e.seenBy.join(", ")) : null) : null,
		e.disagree.length ? fact("disagree", e.disagree.slice(0, 10).map((d) => el("div", {}, bdi(disagreeText(d))))) : null);
}

function sumFacts(edges, whole) {
	const sum = addUp(edges);
	const states = VERDICTS.filter((v) => sum.states[v])
		.map((v) => el("div", {}, told(v, ": " + t("edges", { n: sum.states[v] }))));
	const services = [...sum.services].sort((a, b) => b[1] - a[1]);
	return facts(
		fact("edges", number(sum.edges)),
		fact("services", bdi(protocolsText(services))),
		fact("verdicts", states),
		fact("encryption", coverText(sum.cover)),
		fact("connections", number(sum.connections)),
		fact("to_dst", whole ? bytesText(sum.toDst) : bytes(sum.toDst)),
		fact("to_src", whole ? bytesText(sum.toSrc) : bytes(sum.toSrc)),
		sum.health ? [
			fact("rtt_worst", rttText(sum)), fact("refused", number(sum.refused)),
			fact("unanswered", number(sum.unanswered)),
			fact("resets", number(sum.resets)), fact("retransmits", number(sum.retransmits)),
		] : null,
		fact("first", clock(sum.first)), fact("last", clock(sum.last)));
}

const tipTitle = (src, dst) => el("h2", {}, bdi(cut(src, 60)), el("span", { class: "arrow" }, " → "), bdi(cut(dst, 60)));

function lineTip(line) {
	const one = line.edges.length === 1;
	return [tipTitle(one ? line.edges[0].src.name : line.src.name, one ? line.edges[0].dst.name : line.dst.name),
		one ? edgeFacts(line.edges[0], false) : sumFacts(line.edges, false)];
}

function targetTip(target) {
	if (target.kind === "more")
		return [el("h2", {}, target.item.name), el("p", {}, t("more_hint"))];
	const node = target.kind === "node" ? target.item.node : null;
	const nodes = new Set(node ? [node] : target.card.nodes);
	const edges = graph.scene.edges, out = edges.filter((e) => nodes.has(e.src)), into = edges.filter((e) => nodes.has(e.dst));
	return [el("h2", {}, bdi(cut(node ? node.name : target.card.name, 80))),
		node ? nodeLines(node) : el("p", {}, t("nodes", { n: nodes.size })),
		el("p", {}, t("tip_out", { n: out.length, conns: short(addUp(out).connections) })),
		el("p", {}, t("tip_in", { n: into.length, conns: short(addUp(into).connections) }))];
}

function nodeLines(node) {
	const lines = [];
	if (node.near)
		lines.push(el("p", {}, t("near")));
	if (node.hints.length)
		lines.push(el("p", { class: "small" }, t("hints"), " ",
			node.hints.slice(0, 4).map((h, i) => [i ? ", " : "", bdi(h.name), " (", bdi(cut(h.source, 20)), ")"])));
	if (node.segments.length)
		lines.push(el("p", { class: "small" }, t("segments"), " ", bdi(node.segments.join(", "))));
	if (node.labels.length)
		lines.push(el("p", { class: "small" }, t("labels"), " ",
			bdi(node.labels.slice(0, 12).map((l) => l.join("=")).join(", "))));
	return lines;
}

function showTip(x, y, content) {
	const tip = byId("tip");
	tip.replaceChildren(...content.flat(Infinity).filter(Boolean));
	tip.hidden = false;
	const w = tip.offsetWidth, h = tip.offsetHeight;
	const left = x + 16 + w > innerWidth ? x - w - 16 : x + 16, top = y + 14 + h > innerHeight ? innerHeight - h - 8 : y + 14;
	tip.style.left = Math.max(8, left) + "px";
	tip.style.top = Math.max(8, top) + "px";
}

function hideTip() {
	byId("tip").hidden = true;
}

// --- the panel ---------------------------------------------------------------------------

function select(what) {
	state.selected = what;
	const open = byId("detail").hidden === false;
	drawDetail();
	if (state.view === "graph") {
		if (open === byId("detail").hidden && graph.size)
			keepCentre();
		markSelected();
	} else if (state.view === "table") {
		markRow();
	}
}

/* The panel takes room from the graph: what is in its middle stays there. */
function keepCentre() {
	const now = byId("graph").clientWidth;
	if (graph.room)
		moveTo(graph.x + (now - graph.room) / 2, graph.y, graph.k);
	graph.room = now;
	const found = selectedTarget();
	if (found)
		showElement(found.kind === "line" ? found.element.querySelector(".tip") : found.element);
}

function nodeButton(node) {
	return el("button", { class: "link", onclick: () => select({ kind: "node", node }) }, bdi(cut(node.name, 80)));
}

function edgeList(title, edges, other) {
	if (!edges.length)
		return null;
	const order = [...edges].sort((a, b) => VERDICTS.indexOf(b.state) - VERDICTS.indexOf(a.state) ||
		b.connections - a.connections || a.index - b.index);
	return el("section", {}, el("h3", {}, title + " (" + number(edges.length) + ")"),
		el("ul", { class: "edges" }, order.slice(0, LIST_MAX).map((e) => el("li", {},
			el("button", { class: "link", onclick: () => select({ kind: "edge", edge: e }) },
				sign(e.state), sign(e.secrecy), el("span", {}, bdi(cut(other(e), 60))),
				el("span", { class: "small" }, e.service + " · " + short(e.connections)))))),
		edges.length > LIST_MAX ? el("p", { class: "small" }, t("list_more", { n: edges.length - LIST_MAX })) : null);
}

function focusButtons(nodes, name, edge) {
	const focus = () => setFocus({ ids: new Set(nodes), name, depth: edge ? 0 : 1, way: "both", edge });
	return el("p", { class: "row" },
		el("button", { id: "focus-here", onclick: focus }, t("focus_here")),
		el("button", { id: "focus-table", onclick: () => { setView("table"); focus(); } }, t("in_table")));
}

function nodeDetail(node) {
	return [el("h2", {}, bdi(node.name)),
		el("p", { class: "small" }, bdi(node.id)), nodeLines(node), focusButtons([node], node.name),
		sumFacts(node.out.concat(node.in.filter((e) => e.src !== node)), true),
		edgeList(t("depends_on"), node.out, (e) => e.dst.name), edgeList(t("used_by"), node.in, (e) => e.src.name)];
}

function groupDetail(s) {
	const nodes = new Set(s.nodes);
	const out = DATA.edges.filter((e) => nodes.has(e.src) && !nodes.has(e.dst));
	const into = DATA.edges.filter((e) => nodes.has(e.dst) && !nodes.has(e.src));
	const inner = DATA.edges.filter((e) => nodes.has(e.dst) && nodes.has(e.src));
	const card = graph.scene && graph.scene.cards.find((c) => c.key === s.key);
	const pair = (e) => e.src.name + " → " + e.dst.name;
	return [el("h2", {}, bdi(s.name)), el("p", {}, t("nodes", { n: nodes.size })),
		card && !card.single && state.view === "graph" ? el("p", {}, el("button", { onclick: () => toggleGroup(card) },
			card.open ? t("collapse") : t("expand"))) : null,
		focusButtons(s.nodes, s.name),
		sumFacts(out.concat(into, inner), true),
		edgeList(t("depends_on"), out, pair), edgeList(t("used_by"), into, pair),
		edgeList(t("among"), inner, pair),
		el("section", {}, el("h3", {}, t("members")), el("ul", { class: "edges" },
			s.nodes.slice(0, LIST_MAX).map((n) => el("li", {}, nodeButton(n)))),
		s.nodes.length > LIST_MAX ? el("p", { class: "small" }, t("list_more", { n: s.nodes.length - LIST_MAX })) : null)];
}

function edgeDetail(e) {
	return [el("h2", {}, nodeButton(e.src), " → ", nodeButton(e.dst)),
		focusButtons([e.src, e.dst], e.src.name + " → " + e.dst.name, e), edgeFacts(e, true)];
}

function lineDetail(s) {
	return [el("h2", {}, bdi(cut(s.src, 80)), " → ", bdi(cut(s.dst, 80))),
		sumFacts(s.edges, true), edgeList(t("edges_title"), s.edges, (e) => e.src.name + " → " + e.dst.name)];
}

function drawDetail() {
	const panel = byId("detail"), s = state.selected;
	panel.hidden = !s;
	document.body.classList.toggle("with-detail", Boolean(s));
	if (!s)
		return panel.replaceChildren();
	const parts = { node: () => nodeDetail(s.node), group: () => groupDetail(s), edge: () => edgeDetail(s.edge),
		line: () => lineDetail(s), disagree: disagreeDetail }[s.kind]();
	panel.replaceChildren(el("button", { class: "close", "aria-label": t("close"), onclick: () => select(null) }, "×"),
		...parts.flat(Infinity).filter(Boolean));
	panel.scrollTop = 0;
}

// --- the neighbourhood ----------------------------------------------------------------------

function setFocus(focus) {
	state.focus = focus;
	refresh({});
}

function drawFocusBar() {
	const bar = byId("focus-bar"), f = state.focus;
	bar.hidden = !f;
	if (!f)
		return bar.replaceChildren();
	const step = (by, label) => el("button", { "aria-label": t(label), onclick: () => {
		f.depth = Math.min(9, Math.max(f.edge ? 0 : 1, f.depth + by));
		setFocus(f);
	} }, by > 0 ? "+" : "−");
	bar.replaceChildren(
		el("span", {}, t("focus_on"), " ", el("strong", {}, bdi(cut(f.name, 80)))),
		el("span", { class: "row" }, t("depth"), " ", step(-1, "depth_less"), el("output", { id: "depth" }, number(f.depth)), step(1, "depth_more")),
		el("label", {}, t("way"), " ", el("select", { id: "way", onchange: (event) => { f.way = event.target.value; setFocus(f); } },
			["both", "out", "in"].map((w) => el("option", { value: w, selected: f.way === w }, t("way_" + w))))),
		el("button", { id: "focus-off", onclick: () => setFocus(null) }, t("focus_off")));
}
