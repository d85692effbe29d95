// SPDX-License-Identifier: Apache-2.0
// matrix.js - the matrix view: groups that call as rows, groups that are called as columns.

const MATRIX_MAX = 60;

/* Groups in the order of the graph, callers first, so that what goes backwards is below the diagonal. */
function matrixGroups(edges) {
	let groups = groupsInView(edges);
	if (groups.length > MATRIX_MAX) {
		const others = { key: OTHERS, nodes: new Map() };
		for (const group of groups.slice(MATRIX_MAX - 1))
			group.nodes.forEach((n, node) => others.nodes.set(node, n));
		groups = groups.slice(0, MATRIX_MAX - 1).concat([others]);
	}
	const where = new Map();
	groups.forEach((g, i) => g.nodes.forEach((_, node) => where.set(node, i)));
	const cells = new Map();
	for (const edge of edges) {
		const key = where.get(edge.src) * MATRIX_MAX + where.get(edge.dst);
		if (!cells.has(key))
			cells.set(key, []);
		cells.get(key).push(edge);
	}
	const links = { all: [], by: groups.map(() => []) };
	for (const [key, list] of cells) {
		const link = { from: Math.floor(key / MATRIX_MAX), to: key % MATRIX_MAX, weight: 1 + Math.log2(1 + list.length) };
		if (link.from === link.to)
			continue;
		links.all.push(link);
		links.by[link.from].push(link);
		links.by[link.to].push(link);
	}
	return { groups, cells, order: linearOrder(groups.length, links) };
}

const matrixName = (group) => state.grouping === "none" && group.key !== OTHERS ?
	[...group.nodes.keys()][0].name : groupName(group.key);

function matrixCell(edges, from, to) {
	if (!edges)
		return el("td", { class: "none" });
	const sum = addUp(edges), shade = Math.min(5, 1 + Math.floor(Math.log10(1 + sum.connections)));
	const signs = [];
	if (sum.states.deny)
		signs.push("deny");
	if (sum.states.would)
		signs.push("would");
	if (sum.states.allow + sum.states.would)
		signs.push(coverOf(addUp(edges.filter((e) => e.state !== "deny")).cover));
	const button = el("button", { class: "cell", "aria-label": t("cell_spoken", { src: from, dst: to, n: sum.edges,
		conns: number(sum.connections), signs: signs.map(lookName).join(", ") }),
	onclick: () => select({ kind: "line", edges, src: from, dst: to }) },
	el("span", {}, short(sum.connections)), el("span", { class: "signs" }, signs.map(sign)));
	const tip = (event) => {
		const box = button.getBoundingClientRect();
		showTip(event.clientX || box.right, event.clientY || box.bottom, [tipTitle(from, to), sumFacts(edges, false)]);
	};
	for (const [name, call] of [["pointerenter", tip], ["focus", tip], ["pointerleave", hideTip], ["blur", hideTip]])
		button.addEventListener(name, call);
	return el("td", { class: "heat" + shade + (from === to ? " self" : "") }, button);
}

function drawMatrix(edges) {
	const { groups, cells, order } = matrixGroups(edges);
	const names = groups.map(matrixName);
	const cell = (i, j) => matrixCell(cells.get(i * MATRIX_MAX + j), names[i], names[j]);
	const head = el("tr", {}, el("th", { class: "corner", scope: "col" }, el("span", {}, t("matrix_corner"))),
		order.map((j) => el("th", { scope: "col", class: "col" }, el("span", { title: names[j] }, bdi(cut(names[j], 26))))));
	byId("matrix").replaceChildren(el("table", { class: "matrix", "aria-label": t("matrix_spoken") },
		el("thead", {}, head),
		el("tbody", {}, order.map((i) => el("tr", {}, el("th", { scope: "row" },
			el("span", { title: names[i] }, bdi(cut(names[i], 26)))), order.map((j) => cell(i, j)))))));
}

/* Arrow keys go to the next cell that has something. */
function matrixKeys(event) {
	const td = event.target.closest("td");
	const step = { ArrowRight: [0, 1], ArrowLeft: [0, -1], ArrowDown: [1, 0], ArrowUp: [-1, 0] }[event.key];
	if (!td || !step || event.ctrlKey || event.altKey)
		return;
	event.preventDefault();
	const rows = [...byId("matrix").querySelectorAll("tbody tr")];
	let r = rows.indexOf(td.parentNode), c = td.cellIndex;
	for (;;) {
		r += step[0];
		c += step[1];
		const next = rows[r] && c > 0 && rows[r].cells[c];
		if (!next)
			return;
		const button = next.querySelector("button");
		if (button) {
			button.focus();
			return;
		}
	}
}
