// SPDX-License-Identifier: Apache-2.0
// graph.js - the graph view: cards and lines as SVG, moving and zooming, focus and highlight.

const graph = {
	scene: null, size: null, svg: null, world: null,
	x: 0, y: 0, k: 1, // where the world stands
	targets: [], // what has the keyboard's focus, in reading order
	current: null,
	of: new WeakMap(), // element -> {kind, item | card | line}
};

function chevron(card, x, y) {
	const g = sv("g", { class: "chevron", transform: "translate(" + x + " " + y + ")", "aria-hidden": "true" },
		sv("rect", { class: "hit", x: -11, y: -12, width: 22, height: 24 }),
		sv("path", { d: card.open ? "M-4 -2L0 3L4 -2" : "M-2 -4L3 0L-2 4" }));
	g.addEventListener("click", (event) => {
		event.stopPropagation();
		toggleGroup(card);
	});
	return g;
}

function addTarget(element, target) {
	target.element = element;
	graph.targets.push(target);
	graph.of.set(element, target);
	return element;
}

function drawHead(card) {
	const g = sv("g", {
		class: "head", role: "button", tabindex: -1, "aria-expanded": String(card.open),
		"aria-label": t("group_spoken", { name: card.name, n: card.size }),
	});
	g.append(sv("rect", { class: "hit", width: card.width, height: card.open ? HEAD : card.height, rx: 7 }));
	const y = card.open ? HEAD / 2 : card.height / 2 - 8;
	g.append(chevron(card, 14, card.open ? y : card.height / 2));
	g.append(sv("text", { x: 26, y: y + 4.5, "font-size": NAME_SIZE, class: "name" },
		fitText(card.name, NAME_SIZE, card.width - 34, true)));
	if (!card.open)
		g.append(sv("text", { x: 26, y: y + 21, "font-size": LABEL_SIZE, class: "note" },
			fitText(cardNote(card), LABEL_SIZE, card.width - 32)));
	return addTarget(g, { kind: "group", card, item: card.open ? null : card.items[0] });
}

function drawRow(item, card) {
	const g = sv("g", {
		class: "item " + item.kind + (item.node && item.node.near ? " near" : ""), role: "button", tabindex: -1,
		"aria-label": item.kind === "more" ? item.name : t("node_spoken", {
			name: item.name, group: card.single && state.grouping === "none" ? "" : groupName(card.key),
			out: item.node.out.length, in: item.node.in.length }),
		transform: "translate(0 " + item.top + ")",
	});
	g.append(sv("rect", { class: "hit", x: 2, y: 1, width: card.width - 4, height: item.height - 2, rx: 5 }));
	const middle = item.height / 2 - (card.note ? 8 : 0), near = Boolean(item.node && item.node.near);
	if (near)
		g.append(sv("rect", { class: "here", x: 10, y: middle - 4, width: 8, height: 8, rx: 2 }));
	else
		g.append(sv("circle", { class: "dot", cx: 14, cy: middle, r: item.kind === "more" ? 0 : 3 }));
	g.append(sv("text", { x: 24, y: middle + 4.3, "font-size": ROW_SIZE, class: "name" },
		fitText(item.name, ROW_SIZE, card.width - 30, near)));
	if (card.note)
		g.append(sv("text", { x: 24, y: middle + 20, "font-size": LABEL_SIZE, class: "note" },
			fitText(card.note, LABEL_SIZE, card.width - 30)));
	return addTarget(g, { kind: item.kind, item, card });
}

function drawCard(card) {
	const g = sv("g", {
		class: "card" + (card.open ? " open" : " closed") + (card.single ? " single" : ""),
		transform: "translate(" + card.left + " " + card.y + ")",
	}, sv("rect", { class: "box", width: card.width, height: card.height, rx: 7 }));
	card.element = g;
	if (!card.open)
		g.append(sv("rect", { class: "stack", x: 4, y: card.height, width: card.width - 8, height: 3 }));
	if (!card.single)
		g.append(drawHead(card));
	if (card.open)
		card.items.forEach((item) => g.append(drawRow(item, card)));
	return g;
}

function drawGraph(edges) {
	const host = byId("graph"), room = { w: host.clientWidth - 32 || 1000, h: host.clientHeight - 32 || 600 };
	const keep = graph.current && targetKey(graph.current);
	const scene = graph.scene = buildScene(edges);
	graph.size = layoutScene(scene, room);
	graph.targets = [];
	graph.current = null;
	graph.world = sv("g", { class: "world" });
	const lines = sv("g", { class: "lines" }), cards = sv("g", { class: "cards" });
	const order = [...scene.lines].sort((a, b) => b.faint - a.faint || CLASSES.indexOf(a.look) - CLASSES.indexOf(b.look));
	const most = order.reduce((n, line) => Math.max(n, line.connections), 0);
	order.forEach((line) => {
		const element = drawLine(line, graph.size.labels, most);
		graph.of.set(element, { kind: "line", line, element });
		lines.append(element);
	});
	[...scene.cards].sort((a, b) => a.column - b.column || a.y - b.y)
		.forEach((card) => cards.append(drawCard(card)));
	graph.world.append(lines, cards);
	graph.svg = sv("svg", { id: "map", role: "group", "aria-label": t("graph_spoken"), tabindex: scene.cards.length ? -1 : 0 },
		graph.world);
	host.replaceChildren(graph.svg);
	wireGraph();
	setCurrent(graph.targets.find((x) => targetKey(x) === keep) || graph.targets[0] || null);
	markSelected();
}

const targetKey = (x) => x.kind + "\u0000" + (x.kind === "node" ? x.item.node.id : x.card.key);

// --- moving and zooming ------------------------------------------------------------

function moveTo(x, y, k) {
	Object.assign(graph, { x, y, k });
	if (graph.world)
		graph.world.setAttribute("transform", "translate(" + x + " " + y + ") scale(" + k + ")");
}

/* All of it, unless that would be too small to read: then its beginning. */
function fitGraph(whole) {
	const host = byId("graph"), w = host.clientWidth, h = host.clientHeight, { width, height } = graph.size;
	if (!width)
		return;
	let k = Math.min((w - 32) / width, (h - 32) / height, 1.25);
	if (!whole)
		k = Math.max(k, 0.6);
	moveTo(Math.max(16, (w - width * k) / 2), Math.max(16, (h - height * k) / 2), k);
}

function zoom(by, x, y) {
	const host = byId("graph");
	const px = x === undefined ? host.clientWidth / 2 : x, py = y === undefined ? host.clientHeight / 2 : y;
	const k = Math.min(4, Math.max(0.08, graph.k * by));
	moveTo(px - (px - graph.x) * k / graph.k, py - (py - graph.y) * k / graph.k, k);
}

/* Brings what has the focus into the window. */
function showElement(element) {
	const host = byId("graph").getBoundingClientRect(), box = element.getBoundingClientRect();
	const over = (low, high, from, to) => low < from ? from - low : high > to ? to - high : 0;
	const dx = over(box.left, Math.min(box.right, box.left + host.width - 40), host.left + 20, host.right - 20);
	const dy = over(box.top, Math.min(box.bottom, box.top + host.height - 40), host.top + 20, host.bottom - 20);
	if (dx || dy)
		moveTo(graph.x + dx, graph.y + dy, graph.k);
}

function wireGraph() {
	const svg = graph.svg;
	let drag = null;
	svg.addEventListener("wheel", (event) => {
		event.preventDefault();
		const box = svg.getBoundingClientRect();
		if (event.ctrlKey || event.metaKey)
			zoom(Math.exp(-event.deltaY * 0.004), event.clientX - box.left, event.clientY - box.top);
		else if (event.shiftKey)
			moveTo(graph.x - event.deltaY - event.deltaX, graph.y, graph.k);
		else
			moveTo(graph.x - event.deltaX, graph.y - event.deltaY, graph.k);
	}, { passive: false });
	svg.addEventListener("pointerdown", (event) => {
		if (event.button === 0)
			drag = { x: event.clientX, y: event.clientY, from: [graph.x, graph.y], moved: false };
	});
	svg.addEventListener("pointermove", (event) => {
		if (!drag)
			return;
		const dx = event.clientX - drag.x, dy = event.clientY - drag.y;
		if (!drag.moved && Math.hypot(dx, dy) < 5)
			return;
		if (!drag.moved)
			svg.setPointerCapture(event.pointerId);
		drag.moved = true;
		svg.classList.add("dragging");
		moveTo(drag.from[0] + dx, drag.from[1] + dy, graph.k);
	});
	const stop = () => { svg.classList.remove("dragging"); setTimeout(() => { drag = null; }, 0); };
	svg.addEventListener("pointerup", stop);
	svg.addEventListener("pointercancel", stop);
	const target = (event) => {
		const g = event.target.closest && event.target.closest("[role=button]");
		return g ? graph.of.get(g) : null;
	};
	svg.addEventListener("click", (event) => {
		if (drag && drag.moved)
			return;
		const found = target(event);
		if (found)
			chooseTarget(found);
		else
			select(null);
	});
	svg.addEventListener("dblclick", (event) => {
		const found = target(event);
		if (found && found.kind === "group")
			toggleGroup(found.card);
	});
	svg.addEventListener("pointerover", (event) => {
		const found = target(event);
		if (found)
			hover(found, event.clientX, event.clientY);
		else
			unhover();
	});
	svg.addEventListener("pointerleave", unhover);
	svg.addEventListener("focusin", (event) => {
		const found = target(event);
		if (!found)
			return;
		if (found.kind !== "line")
			setCurrent(found);
		if (found.element.matches(":focus-visible")) {
			showElement(found.element);
			const box = (found.kind === "line" ? found.element.querySelector(".tip") : found.element).getBoundingClientRect();
			hover(found, box.right, box.bottom);
		}
	});
	svg.addEventListener("focusout", unhover);
}

/* The one element of the graph that Tab reaches. */
function setCurrent(target) {
	if (graph.current)
		graph.current.element.setAttribute("tabindex", -1);
	graph.current = target;
	if (target)
		target.element.setAttribute("tabindex", 0);
}

// --- highlight -----------------------------------------------------------------------

function linesOf(target) {
	if (target.kind === "line")
		return [target.line];
	if (target.item)
		return target.item.lines;
	return target.card.items.flatMap((item) => item.lines);
}

function light(target) {
	graph.svg.querySelectorAll(".on").forEach((e) => e.classList.remove("on"));
	graph.svg.classList.toggle("dim", target !== null);
	if (!target)
		return;
	const ends = new Set();
	if (target.kind !== "line")
		target.element.classList.add("on");
	for (const line of linesOf(target)) {
		line.element.classList.add("on");
		ends.add(line.src).add(line.dst);
	}
	for (const other of graph.targets)
		if (other.item && ends.has(other.item))
			other.element.classList.add("on");
	for (const item of ends)
		item.card.element.classList.add("on");
	if (target.card)
		target.card.element.classList.add("on");
}

function hover(target, x, y) {
	light(target);
	if (target.kind === "line")
		showTip(x, y, lineTip(target.line));
	else
		showTip(x, y, targetTip(target));
}

function unhover() {
	hideTip();
	if (graph.svg)
		light(selectedTarget());
}

/* What is selected, where it is drawn now; null when it is not. */
function selectedTarget() {
	const s = state.selected;
	if (!s || !graph.scene || s.kind === "disagree")
		return null;
	if (s.kind === "line" || s.kind === "edge") {
		const wanted = s.kind === "line" ? s.edges[0] : s.edge;
		const line = graph.scene.lines.find((l) => l.edges.includes(wanted));
		return line ? graph.of.get(line.element) : null;
	}
	if (s.kind === "node")
		return graph.targets.find((x) => x.item && x.item.nodes.includes(s.node)) || null;
	return graph.targets.find((x) => x.kind === "group" && x.card.key === s.key) || null;
}

function markSelected() {
	if (!graph.svg)
		return;
	graph.svg.querySelectorAll(".chosen").forEach((e) => e.classList.remove("chosen"));
	const found = selectedTarget();
	if (found)
		found.element.classList.add("chosen");
	light(found);
}

function chooseTarget(target) {
	if (target.kind === "line")
		select(target.line.edges.length === 1 ? { kind: "edge", edge: target.line.edges[0] } :
			{ kind: "line", edges: target.line.edges, src: target.line.src.name, dst: target.line.dst.name });
	else if (target.kind === "node")
		select({ kind: "node", node: target.item.node });
	else if (target.kind === "more")
		showMore(target.card);
	else
		select({ kind: "group", key: target.card.key, name: target.card.name, nodes: target.card.nodes });
}

function toggleGroup(card) {
	if (card.single)
		return;
	state.expanded.set(chosenKey(card.key), !card.open);
	refresh({ keepPlace: true });
}

function showMore(card) {
	const key = chosenKey(card.key);
	state.shown.set(key, (state.shown.get(key) || ROWS_FIRST) * 3);
	refresh({ keepPlace: true });
}
