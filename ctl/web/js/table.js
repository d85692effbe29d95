// SPDX-License-Identifier: Apache-2.0
// table.js - the table view: every edge in view, sortable; only the rows that can be seen exist.

const ROW_HEIGHT = 30;

const table = { edges: [], body: null, scroll: null, first: -1, current: 0 };

const COLUMNS = [
	{ key: "src", width: 170, value: (e) => e.src.name.toLowerCase(), cell: (e) => bdi(cut(e.src.name, 120)) },
	{ key: "dst", width: 170, value: (e) => e.dst.name.toLowerCase(), cell: (e) => bdi(cut(e.dst.name, 120)) },
	{ key: "service", width: 92, value: (e) => e.proto + String(e.port).padStart(6, "0"), cell: (e) => bdi(e.service) },
	{ key: "verdict", width: 136, value: (e) => VERDICTS.indexOf(e.state), cell: (e) => el("span", { class: "told" }, sign(e.state), t("short_" + e.state), e.disagree.length ? " ≠" : null) },
	{ key: "encryption", width: 132, value: (e) => e.cover.total ? e.cover.encrypted / e.cover.total +
		(e.cover.plaintext ? 0 : 1e-9) : 0, cell: (e) => told(e.secrecy) },
	{ key: "connections", width: 92, right: true, value: (e) => e.connections, cell: (e) => number(e.connections) },
	{ key: "to_dst", width: 90, right: true, value: (e) => e.toDst, cell: (e) => bytes(e.toDst) },
	{ key: "to_src", width: 90, right: true, value: (e) => e.toSrc, cell: (e) => bytes(e.toSrc) },
	{ key: "protocols", width: 132, value: (e) => e.protocols.length ? e.protocols[0][0] : "",
		cell: (e) => bdi(e.protocols.map((p) => p[0]).join(", ")) },
	{ key: "rule", width: 120, value: (e) => e.verdict.live.rule, cell: (e) => bdi(e.verdict.live.rule) },
	{ key: "staged_rule", width: 120, value: (e) => e.verdict.candidate.rule, cell: (e) => bdi(e.verdict.candidate.rule) },
	{ key: "work", width: 160, value: (e) => e.work ? e.work.name : "",
		cell: (e) => e.work ? bdi(e.work.name, { title: e.work.command || e.work.exe || null }) : "" },
	{ key: "p50", width: 84, right: true, value: (e) => e.health && e.health.p50 !== null ? e.health.p50 : -1,
		cell: (e) => e.health && e.health.p50 !== null ? micros(e.health.p50) : "" },
	{ key: "p99", width: 84, right: true, value: (e) => e.health && e.health.p99 !== null ? e.health.p99 : -1,
		cell: (e) => e.health && e.health.p99 !== null ? micros(e.health.p99) : "" },
	{ key: "resets", width: 72, right: true, value: (e) => e.health ? e.health.resets : -1,
		cell: (e) => e.health ? number(e.health.resets) : "" },
	{ key: "last", width: 128, value: (e) => e.last || 0, cell: (e) => clock(e.last) },
	{ key: "first", width: 128, value: (e) => e.first || 0, cell: (e) => clock(e.first) },
];

function sortEdges(edges) {
	const column = COLUMNS.find((c) => c.key === state.sort.column), way = state.sort.down ? -1 : 1;
	const keyed = edges.map((e) => [column.value(e), e]);
	keyed.sort((a, b) => (a[0] < b[0] ? -way : a[0] > b[0] ? way : a[1].index - b[1].index));
	return keyed.map((k) => k[1]);
}

function tableHead(printed) {
	return el("tr", { "aria-rowindex": printed ? null : 1 }, COLUMNS.map((c) => {
		const on = state.sort.column === c.key;
		const name = t("col_" + c.key);
		return el("th", { scope: "col", class: c.right ? "right" : null,
			"aria-sort": on ? (state.sort.down ? "descending" : "ascending") : "none" },
		printed ? name : el("button", { "data-column": c.key, onclick: () => sortBy(c.key) },
			name, el("span", { "aria-hidden": "true" }, on ? (state.sort.down ? " ▼" : " ▲") : "")));
	}));
}

function sortBy(key) {
	const numbers = COLUMNS.find((c) => c.key === key).right;
	state.sort = { column: key, down: state.sort.column === key ? !state.sort.down : Boolean(numbers) };
	refresh({ keepPlace: true });
	byId("table").querySelector('[data-column="' + key + '"]').focus();
}

const tableRow = (e, i) => el("tr", { class: "edge " + e.state, "data-row": i, "data-edge": e.index,
	"aria-rowindex": i + 2, tabindex: i === table.current ? 0 : -1 },
COLUMNS.map((c) => el("td", { class: c.right ? "right" : null }, c.cell(e))));

function drawTable(edges) {
	const host = byId("table");
	table.edges = sortEdges(edges);
	table.current = Math.max(0, Math.min(table.current, edges.length - 1));
	table.first = -1;
	const left = host.scrollLeft, top = host.scrollTop;
	table.body = el("tbody");
	const cols = el("colgroup", {}, COLUMNS.map((c) => el("col", { style: { width: c.width + "px" } })));
	const grid = el("table", { class: "edges", "aria-rowcount": edges.length + 1, "aria-label": t("table_spoken") },
		cols, el("thead", {}, tableHead(false)), table.body);
	grid.style.width = COLUMNS.reduce((sum, c) => sum + c.width, 0) + "px";
	host.replaceChildren(grid);
	host.scrollTo(left, top);
	table.body.addEventListener("click", (event) => {
		const row = event.target.closest("tr[data-row]");
		if (row)
			chooseRow(Number(row.dataset.row));
	});
	table.body.addEventListener("keydown", tableKeys);
	drawRows();
}

/* The rows in the window and some around; the rest is two rows as high as they would be. */
function drawRows() {
	const host = byId("table"), n = table.edges.length;
	const first = Math.max(0, Math.floor(host.scrollTop / ROW_HEIGHT) - 10);
	const last = Math.min(n, first + Math.ceil((host.clientHeight || 600) / ROW_HEIGHT) + 20);
	if (first === table.first || !table.body)
		return;
	table.first = first;
	const space = (rows) => el("tr", { class: "space", "aria-hidden": "true" }, el("td", { colspan: COLUMNS.length,
		style: { height: rows * ROW_HEIGHT + "px" } }));
	const focused = table.body.contains(document.activeElement);
	const rows = table.edges.slice(first, last).map((e, i) => tableRow(e, first + i));
	table.body.replaceChildren(space(first), ...rows, space(n - last));
	markRow();
	if (focused)
		focusRow(false);
}

function markRow() {
	const chosen = state.selected && state.selected.kind === "edge" ? state.selected.edge.index : -1;
	for (const row of table.body ? table.body.querySelectorAll("tr[data-row]") : []) {
		row.classList.toggle("chosen", Number(row.dataset.edge) === chosen);
		row.setAttribute("aria-selected", String(Number(row.dataset.edge) === chosen));
	}
}

function focusRow(move) {
	const host = byId("table");
	if (move) {
		const top = table.current * ROW_HEIGHT, head = 34;
		if (top < host.scrollTop)
			host.scrollTop = top;
		else if (top + ROW_HEIGHT + head > host.scrollTop + host.clientHeight)
			host.scrollTop = top + ROW_HEIGHT + head - host.clientHeight;
		drawRows();
	}
	for (const row of table.body.querySelectorAll("tr[data-row]"))
		row.tabIndex = Number(row.dataset.row) === table.current ? 0 : -1;
	const row = table.body.querySelector('tr[data-row="' + table.current + '"]');
	if (row)
		row.focus({ preventScroll: true });
}

function chooseRow(i) {
	table.current = i;
	select({ kind: "edge", edge: table.edges[i] });
	focusRow(false);
}

function tableKeys(event) {
	const page = Math.max(1, Math.floor(byId("table").clientHeight / ROW_HEIGHT) - 2), n = table.edges.length;
	const steps = { ArrowDown: 1, ArrowUp: -1, PageDown: page, PageUp: -page, Home: -n, End: n };
	if (event.key === "Enter" || event.key === " ") {
		event.preventDefault();
		chooseRow(table.current);
	} else if (steps[event.key] && !event.ctrlKey && !event.altKey) {
		event.preventDefault();
		table.current = Math.max(0, Math.min(n - 1, table.current + steps[event.key]));
		focusRow(true);
	}
}
