// SPDX-License-Identifier: Apache-2.0
// keys.js - the keyboard: keys that work everywhere, steps among the nodes of the graph, the help.

const KEYS = [
	["/", "key_search"], ["G T M", "key_views"], ["← ↑ ↓ →", "key_arrows"], ["[ ]", "key_lines"],
	["Enter", "key_enter"], ["Space", "key_space"], ["N", "key_focus"], ["+ − 0", "key_zoom"],
	["F", "key_filters"], ["D", "key_detail"], ["P", "key_print"], ["Esc", "key_escape"], ["?", "key_help"],
];

function drawHelp() {
	byId("help").replaceChildren(
		el("h2", { id: "help-title" }, t("help")),
		el("p", {}, t("help_text")),
		el("table", { class: "keys" }, el("tbody", {}, KEYS.map(([keys, word]) => el("tr", {},
			el("th", { scope: "row" }, keys.split(" ").map((k) => [el("kbd", {}, k), " "])), el("td", {}, t(word)))))),
		el("p", { class: "small" }, t("help_mouse")),
		el("p", { class: "row" }, el("button", { onclick: () => byId("help").close() }, t("close"))));
}

const centre = (target) => {
	const box = target.element.getBoundingClientRect();
	return { x: (box.left + box.right) / 2, y: (box.top + Math.min(box.bottom, box.top + 60)) / 2, left: box.left };
};

/* The nearest of @targets to @from, rows before columns. */
function nearest(from, targets) {
	const a = centre(from);
	let best = null, least = Infinity;
	for (const target of targets) {
		const b = centre(target), far = Math.abs(b.y - a.y) + Math.abs(b.x - a.x) * 0.6;
		if (target !== from && far < least) {
			least = far;
			best = target;
		}
	}
	return best;
}

/* To the right: what it depends on; to the left: what uses it; else what stands in the next column. */
function stepAcross(from, right) {
	const reached = new Set(linesOf(from).map((line) => {
		const inside = from.item ? line.src === from.item : line.src.card === from.card;
		return right === inside ? (right ? line.dst : line.src) : null;
	}));
	const linked = graph.targets.filter((x) => x.item && reached.has(x.item));
	const a = centre(from);
	return nearest(from, linked.length ? linked : graph.targets.filter((x) => {
		const b = centre(x);
		return right ? b.left > a.left + 5 : b.left < a.left - 5;
	}));
}

function stepAlong(from, down) {
	const column = graph.targets.filter((x) => x.card.column === from.card.column);
	column.sort((a, b) => centre(a).y - centre(b).y);
	return column[column.indexOf(from) + (down ? 1 : -1)] || null;
}

/* The lines of a node one after the other; from the last back to the node. */
function stepLines(from, forward) {
	const home = from.kind === "line" ? graph.lineHome : from;
	if (!home)
		return null;
	const lines = [...linesOf(home)].sort((a, b) => a.end.y - b.end.y || a.order - b.order);
	graph.lineHome = home;
	const at = from.kind === "line" ? lines.indexOf(from.line) : forward ? -1 : lines.length;
	const next = lines[at + (forward ? 1 : -1)];
	return next ? graph.of.get(next.element) : home;
}

function graphKeys(event, target) {
	const steps = {
		ArrowRight: () => target.kind !== "line" && stepAcross(target, true),
		ArrowLeft: () => target.kind !== "line" && stepAcross(target, false),
		ArrowDown: () => target.kind === "line" ? stepLines(target, true) : stepAlong(target, true),
		ArrowUp: () => target.kind === "line" ? stepLines(target, false) : stepAlong(target, false),
		"]": () => stepLines(target, true),
		"[": () => stepLines(target, false),
	};
	if (steps[event.key]) {
		const next = steps[event.key]();
		if (next)
			next.element.focus({ preventScroll: true, focusVisible: true });
	} else if (event.key === "Enter") {
		chooseTarget(target);
	} else if (event.key === " ") {
		if (target.kind === "group") {
			const key = targetKey(target);
			toggleGroup(target.card);
			const again = graph.targets.find((x) => targetKey(x) === key);
			if (again)
				again.element.focus({ preventScroll: true });
		} else {
			chooseTarget(target);
		}
	} else {
		return false;
	}
	return true;
}

/* One thing at a time, the innermost first. */
function escape() {
	hideTip();
	if (state.selected)
		return select(null);
	if (state.focus)
		return setFocus(null);
	if (state.query) {
		state.query = byId("search").value = "";
		refresh({});
	}
	drawFilters();
}

function focusDetail() {
	const panel = byId("detail");
	if (!panel.hidden)
		panel.querySelector("button").focus();
}

const GLOBAL_KEYS = {
	"/": () => byId("search").focus(),
	"?": () => byId("help").showModal(),
	g: () => setView("graph", true),
	t: () => setView("table", true),
	m: () => setView("matrix", true),
	f: () => toggleFilters(true),
	d: focusDetail,
	n: () => { const button = byId("focus-here"); if (button) button.click(); },
	p: openPrint,
	"+": () => state.view === "graph" && zoom(1.25),
	"=": () => state.view === "graph" && zoom(1.25),
	"-": () => state.view === "graph" && zoom(0.8),
	0: () => state.view === "graph" && fitGraph(true),
};

function onKey(event) {
	const typing = event.target.closest("input, select, textarea") && event.target.type !== "checkbox" &&
		event.target.type !== "range";
	if (event.ctrlKey || event.metaKey || event.altKey || document.querySelector("dialog[open]"))
		return;
	if (event.key === "Escape") {
		escape();
		if (typing)
			event.target.blur();
		event.preventDefault();
		return;
	}
	if (typing) {
		if (event.key === "Enter" && event.target.id === "search" && state.view === "graph" && graph.current)
			graph.current.element.focus();
		return;
	}
	const target = event.target.closest(".world [role=button]") && graph.of.get(event.target.closest("[role=button]"));
	const key = event.key.length === 1 ? event.key.toLowerCase() : event.key;
	if ((target && graphKeys(event, target)) || (Object.hasOwn(GLOBAL_KEYS, key) && (GLOBAL_KEYS[key](), true)))
		event.preventDefault();
}

/* Left and right among the tabs. */
function tabKeys(event) {
	const tabs = [...document.querySelectorAll("[role=tab]")], i = tabs.indexOf(event.target);
	const step = { ArrowRight: 1, ArrowLeft: -1 }[event.key];
	if (i < 0 || !step)
		return;
	event.preventDefault();
	const next = tabs[(i + step + tabs.length) % tabs.length];
	setView(next.dataset.view);
	next.focus();
}
