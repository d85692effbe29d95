// SPDX-License-Identifier: Apache-2.0
// print.js - the paper: title, window, filters in force, legend, the graph fit to the page, then every row.

const PRINT_COLUMNS = ["src", "dst", "service", "verdict", "encryption", "protocols", "rule", "staged_rule",
	"work", "connections", "to_dst", "to_src", "p50", "last"];

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
	svg.firstChild.removeAttribute("transform");
	// Small maps are not blown up beyond what they are on the screen.
	svg.style.maxWidth = Math.round(width * 1.1) + "px";
	return el("figure", {}, svg);
}

function paperTable() {
	const columns = COLUMNS.filter((c) => PRINT_COLUMNS.includes(c.key));
	return el("table", { class: "edges" },
		el("thead", {}, el("tr", {}, columns.map((c) => el("th", { class: c.right ? "right" : null }, t("col_" + c.key))))),
		el("tbody", {}, sortEdges(current.edges).map((e) => el("tr", {}, columns.map((c) =>
			el("td", { class: c.right ? "right" : null }, c.cell(e)))))));
}

function makePaper() {
	const legend = el("div", { class: "legend" }), matrix = state.view === "matrix";
	drawLegend();
	byId("legend").childNodes.forEach((n) => legend.append(n.cloneNode(true)));
	byId("paper").replaceChildren(...[
		paperHead(), legend,
		matrix ? el("figure", {}, byId("matrix").firstChild.cloneNode(true)) : paperGraph(),
		state.paperTable === false ? null : paperTable(),
		current.edges.length ? null : el("p", {}, t("nothing")),
	].flat().filter(Boolean));
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
			el("button", { autofocus: true, onclick: () => go("landscape") }, t("landscape")),
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
