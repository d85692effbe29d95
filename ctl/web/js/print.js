// SPDX-License-Identifier: Apache-2.0
// print.js - the paper: title, window, filters in force, legend, the graph fit to the page, then every row.

/* Columns of the printed table and their share of the width; words alone, as ink may be black. */
const PRINT_COLUMNS = [
	["src", 10, (e) => bdi(cut(e.src.name, 80))], ["dst", 10, (e) => bdi(cut(e.dst.name, 80))],
	["service", 7, (e) => bdi(e.service)], ["verdict", 8, (e) => t("short_" + e.state)],
	["encryption", 8.5, (e) => lookName(e.secrecy)],
	["protocols", 9, (e) => bdi(cut(e.protocols.map((p) => p[0]).join(", "), 60))],
	["rule", 10.5, (e) => bdi(cut(e.verdict.live.rule, 60) + (e.verdict.live.rule === e.verdict.candidate.rule ? "" :
		" / " + cut(e.verdict.candidate.rule, 60)))],
	["work", 10.5, (e) => e.work ? bdi(cut(e.work.name, 60)) : ""],
	["connections", 8, (e) => short(e.connections)], ["bytes", 6.5, (e) => bytes(e.toDst + e.toSrc)],
	["last", 12, (e) => clock(e.last)],
];

function paperHead() {
	const inForce = filtersInForce(), sum = addUp(current.edges);
	const line = (key, value) => value ? [el("dt", {}, t(key)), el("dd", {}, value)] : null;
	return [
		el("h1", {}, t("title"), " ", bdi(DATA.host)),
		el("dl", { class: "facts" },
			line("paper_window", clock(DATA.from) + " – " + clock(DATA.to) + " (" + zone() + ")"),
			line("paper_made", clock(DATA.made)), line("paper_command", DATA.command ? el("code", {}, bdi(DATA.command)) : ""),
			line("paper_filters", inForce.length ? inForce.map((f) => el("div", {}, bdi(f))) : t("paper_no_filters")),
			line("paper_shown", countWords() + " · " + VERDICTS.map((v) => lookName(v) + " " + number(sum.states[v])).join(" · ")),
			line("paper_encrypted", t("cover_share", { share: share(sum.cover.encrypted, sum.cover.total) })),
			DATA.losses.length || DATA.disagreements.length ? line("paper_losses", noticeWords().map((w) => el("div", {}, bdi(w)))) : null),
	];
}

/* The graph as it is on the screen, whole, scaled to the paper by the browser. */
function paperGraph() {
	if (state.view !== "graph")
		drawGraph(current.edges);
	if (!graph.size || !graph.size.width)
		return null;
	const svg = graph.svg.cloneNode(true), { width, height } = graph.size;
	svg.removeAttribute("id");
	svg.classList.remove("dim");
	svg.setAttribute("viewBox", [-6, -6, width + 12, height + 14].map(Math.round).join(" "));
	svg.setAttribute("preserveAspectRatio", "xMidYMin meet");
	svg.firstChild.removeAttribute("transform");
	// Small maps are not blown up beyond what they are on the screen.
	svg.style.maxWidth = Math.round(width * 1.1) + "px";
	return el("figure", {}, svg);
}

function paperTable() {
	const right = (key) => key === "connections" || key === "bytes" ? "right" : null;
	return el("table", { class: "edges" },
		el("colgroup", {}, PRINT_COLUMNS.map(([, width]) => el("col", { style: { width: width + "%" } }))),
		el("thead", {}, el("tr", {}, PRINT_COLUMNS.map(([key]) => el("th", { class: right(key) }, t("col_" + key))))),
		el("tbody", {}, sortEdges(current.edges).map((e) => el("tr", { class: e.state }, PRINT_COLUMNS.map(([key, , cell]) =>
			el("td", { class: right(key) }, cell(e)))))));
}

function makePaper() {
	const legend = el("div", { class: "legend" }), matrix = state.view === "matrix";
	drawLegend();
	byId("legend").childNodes.forEach((n) => legend.append(n.cloneNode(true)));
	const picture = !current.edges.length ? el("p", {}, t("nothing")) :
		matrix ? el("figure", {}, byId("matrix").firstChild.cloneNode(true)) : paperGraph();
	byId("paper").replaceChildren(el("div", { class: "sheet" }, paperHead(), legend, picture));
	if (state.paperTable !== false && current.edges.length)
		byId("paper").append(paperTable());
}

function openPrint() {
	const choice = byId("print-choice");
	const go = (paper) => {
		document.body.dataset.paper = paper;
		choice.close();
		print();
	};
	const box = el("input", { type: "checkbox", id: "print-table", checked: state.paperTable !== false,
		onchange: (event) => { state.paperTable = event.target.checked; } });
	choice.replaceChildren(el("h2", { id: "print-title" }, t("print")),
		el("p", {}, t("print_text", { n: current.edges.length })),
		el("p", {}, el("label", {}, box, t("print_table"))),
		el("p", { class: "row" },
			el("button", { onclick: () => go("landscape") }, t("landscape")),
			el("button", { onclick: () => go("portrait") }, t("portrait")),
			el("button", { onclick: () => choice.close() }, t("close"))));
	choice.showModal();
}

function wirePrint() {
	addEventListener("beforeprint", makePaper);
	addEventListener("afterprint", () => {
		byId("paper").replaceChildren();
		delete document.body.dataset.paper;
	});
	byId("print-open").addEventListener("click", openPrint);
}
