// SPDX-License-Identifier: Apache-2.0
// main.js - reads the map, wires the page together and draws it again when something was chosen.

const DATA = readMap(object(JSON.parse(byId("data").textContent)));
const GROUPINGS = groupings(DATA);
const current = { edges: [] };
const LANGS = { en: "English", "zh-TW": "中文（台灣）" };

let waiting = 0;

/* Once per frame, however often it is asked for. */
function later(call) {
	cancelAnimationFrame(waiting);
	waiting = requestAnimationFrame(call);
}

const countWords = () => current.edges.length === DATA.edges.length ? t("edges", { n: DATA.edges.length }) :
	t("count", { n: current.edges.length, all: DATA.edges.length });

/* Why the map may not be all there is. */
function noticeWords() {
	const ret = [];
	if (DATA.matched > DATA.edges.length)
		ret.push(t("cut_off", { n: DATA.edges.length, all: DATA.matched }));
	if (DATA.losses.length)
		ret.push(t("losses") + " " + DATA.losses.map(([k, n]) => k + " " + number(n)).join(", "));
	if (DATA.disagreements.length)
		ret.push(t("disagree", { n: DATA.disagreements.length }));
	return ret;
}

function drawNothing() {
	const box = byId("nothing"), none = !current.edges.length;
	box.hidden = !none;
	for (const view of ["graph", "table", "matrix"])
		byId(view).hidden = none || state.view !== view;
	byId("legend").hidden = none;
	if (!none)
		return;
	box.replaceChildren(el("p", {}, DATA.edges.length ? t("nothing") : t("empty_map")),
		DATA.edges.length ? el("p", {}, el("button", { id: "clear-all", onclick: clearFilters }, t("clear"))) :
			el("p", { class: "small" }, t("empty_why")));
}

/* refresh - what is in view, and the view itself. @keepPlace: the picture is not fit anew. */
function refresh(how) {
	current.edges = edgesInView(DATA);
	drawFocusBar();
	byId("count").textContent = countWords();
	byId("clear").disabled = !filtersInForce().length;
	drawNothing();
	if (!current.edges.length)
		return;
	if (state.view === "graph") {
		drawGraph(current.edges);
		drawLegend();
		byId("hubs").parentNode.hidden = !graph.scene.hubs.length;
		if (how.keepPlace)
			moveTo(graph.x, graph.y, graph.k);
		else
			fitGraph(false);
		graph.room = byId("graph").clientWidth;
	} else if (state.view === "table") {
		drawTable(current.edges);
	} else {
		drawMatrix(current.edges);
	}
}

function setView(view, focus) {
	state.view = view;
	document.body.dataset.view = view;
	hideTip();
	for (const tab of document.querySelectorAll("[role=tab]")) {
		const on = tab.dataset.view === view;
		tab.setAttribute("aria-selected", String(on));
		tab.tabIndex = on ? 0 : -1;
	}
	refresh({});
	if (!focus)
		return;
	const first = view === "graph" ? graph.current && graph.current.element :
		byId(view).querySelector(view === "table" ? "tbody [tabindex='0']" : "td button");
	if (first)
		first.focus({ preventScroll: true });
}

function drawChoices() {
	byId("group-by").replaceChildren(...GROUPINGS.ways.map((w) =>
		el("option", { value: w.id, selected: w.id === state.grouping }, w.name())));
	byId("color-by").replaceChildren(...["verdict", "encryption"].map((w) =>
		el("option", { value: w, selected: w === state.color }, t("color_" + w))));
	byId("hubs").replaceChildren(...["faint", "full", "hidden"].map((w) =>
		el("option", { value: w, selected: w === state.hubs }, t("hubs_" + w))));
}

/* Everything that has words, in the language chosen. */
function drawWords() {
	document.documentElement.lang = state.lang === "zh-TW" ? "zh-Hant-TW" : "en";
	for (const node of document.querySelectorAll("[data-t]"))
		node.textContent = t(node.dataset.t);
	for (const node of document.querySelectorAll("[data-l]")) {
		node.setAttribute("aria-label", t(node.dataset.l));
		if (node.tagName === "BUTTON")
			node.title = t(node.dataset.l);
	}
	for (const node of document.querySelectorAll("[data-title]"))
		node.title = t(node.dataset.title);
	for (const node of document.querySelectorAll("[data-p]"))
		node.placeholder = t(node.dataset.p);
	byId("host").textContent = DATA.host;
	document.title = t("title") + (DATA.host ? " – " + cut(DATA.host, 80) : "");
	byId("window").replaceChildren(t("window", { from: clock(DATA.from), to: clock(DATA.to), zone: zone() }),
		DATA.source === "" ? "" : " · " + (["agent", "history", "merged"].includes(DATA.source) ?
			t("source_" + DATA.source) : DATA.source));
	byId("lang").textContent = LANGS[state.lang === "en" ? "zh-TW" : "en"];
	byId("lang").lang = state.lang === "en" ? "zh-Hant-TW" : "en";
	byId("theme").textContent = t(dark() ? "theme_light" : "theme_dark");
	const notice = noticeWords();
	byId("notice").hidden = !notice.length;
	byId("notice").replaceChildren(...notice.map((w) => el("p", {}, sign("would"), bdi(w))),
		DATA.disagreements.length ? el("button", { class: "link", id: "disagree",
			onclick: () => select({ kind: "disagree" }) }, t("disagree_show")) : "");
	drawChoices();
	drawFilters();
	drawHelp();
	drawDetail();
}

function setLang(lang) {
	state.lang = lang;
	widths.clear();
	drawWords();
	refresh({ keepPlace: true });
}

const dark = () => document.documentElement.dataset.theme ?
	document.documentElement.dataset.theme === "dark" : matchMedia("(prefers-color-scheme: dark)").matches;

function setTheme() {
	document.documentElement.dataset.theme = dark() ? "light" : "dark";
	byId("theme").textContent = t(dark() ? "theme_light" : "theme_dark");
}

function toggleFilters(focus) {
	const narrow = matchMedia("(max-width: 900px)").matches, classes = document.body.classList;
	const open = classes.toggle(narrow ? "filters-open" : "filters-closed") === narrow;
	byId("filters-toggle").setAttribute("aria-expanded", String(open));
	if (state.view === "graph" && current.edges.length && !narrow)
		refresh({});
	if (focus === true && open)
		byId("filters").querySelector("input").focus();
}

/* All groups open or closed, whatever was chosen for each before. */
function setAll(open) {
	for (const group of groupsInView(current.edges))
		state.expanded.set(chosenKey(group.key), open);
	refresh({});
}

function wire() {
	const on = (id, event, call) => byId(id).addEventListener(event, call);
	for (const tab of document.querySelectorAll("[role=tab]")) {
		tab.addEventListener("click", () => setView(tab.dataset.view));
		tab.addEventListener("keydown", tabKeys);
	}
	on("search", "input", (event) => {
		state.query = event.target.value;
		later(() => refresh({}));
	});
	on("group-by", "change", (event) => { state.grouping = event.target.value; refresh({}); });
	on("color-by", "change", (event) => { state.color = event.target.value; refresh({ keepPlace: true }); });
	on("hubs", "change", (event) => { state.hubs = event.target.value; refresh({}); });
	on("expand-all", "click", () => setAll(true));
	on("collapse-all", "click", () => setAll(false));
	on("zoom-in", "click", () => zoom(1.25));
	on("zoom-out", "click", () => zoom(0.8));
	on("zoom-fit", "click", () => fitGraph(true));
	on("theme", "click", setTheme);
	on("lang", "click", () => setLang(state.lang === "en" ? "zh-TW" : "en"));
	on("help-open", "click", () => byId("help").showModal());
	on("filters-toggle", "click", () => toggleFilters());
	on("table", "scroll", () => later(drawRows));
	on("matrix", "keydown", matrixKeys);
	document.addEventListener("keydown", onKey);
	addEventListener("resize", () => later(() => {
		table.first = -1;
		if (state.view === "table")
			drawRows();
		else if (state.view === "graph")
			refresh({});
	}));
	wirePrint();
}

function start() {
	const began = performance.now();
	state.lang = document.documentElement.lang === "zh-TW" ? "zh-TW" : "en";
	state.grouping = GROUPINGS.best;
	state.from = DATA.begin;
	state.to = DATA.end;
	byId("app").hidden = false;
	byId("filters-toggle").setAttribute("aria-expanded", "true");
	wire();
	drawWords();
	setView("graph");
	const ready = document.documentElement.dataset;
	ready.drawMs = Math.round(performance.now() - began);
	// After the frame in which all of it was on the screen.
	requestAnimationFrame(() => setTimeout(() => { ready.readyMs = Math.round(performance.now()); }, 0));
}

start();
