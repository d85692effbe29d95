// SPDX-License-Identifier: Apache-2.0
// filters.js - the panel of filters, and what of them is in force, in words.

const STEPS = 1000; // of the time sliders
const PROTOCOLS_SHOWN = 10;

const filters = { allProtocols: false };

function countBy(words) {
	const counts = new Map();
	for (const edge of DATA.edges)
		for (const word of words(edge))
			counts.set(word, (counts.get(word) || 0) + 1);
	return counts;
}

/* One box with its count, and a button that leaves only it. */
function filterBox(id, checked, label, n, change, only) {
	return el("div", { class: "option" },
		el("label", {}, el("input", { type: "checkbox", id, checked, onchange: (event) => change(event.target.checked) }),
			label, el("span", { class: "n" }, number(n))),
		el("button", { class: "only", id: id + "-only", "aria-label": t("only_this") + " " + label.textContent, onclick: only }, t("only")));
}

function setFilter(title, all, chosen, counts, label, prefix) {
	const toggle = (word) => (on) => {
		on ? chosen.add(word) : chosen.delete(word);
		changeFilters(prefix + word);
	};
	const only = (word) => () => {
		const alone = chosen.size === 1 && chosen.has(word);
		chosen.clear();
		(alone ? all : [word]).forEach((w) => chosen.add(w));
		changeFilters(prefix + word + "-only");
	};
	return el("fieldset", {}, el("legend", {}, title),
		all.map((word) => filterBox(prefix + word, chosen.has(word), label(word), counts.get(word) || 0, toggle(word), only(word))));
}

function protocolFilter() {
	const counts = countBy(protocolWords);
	const words = [...counts].sort((a, b) => b[1] - a[1] || (a[0] < b[0] ? -1 : 1)).map((c) => c[0]);
	const on = (word) => !state.protocols || state.protocols.has(word);
	const toggle = (word, id) => (checked) => {
		state.protocols = new Set(words.filter(on));
		checked ? state.protocols.add(word) : state.protocols.delete(word);
		if (state.protocols.size === words.length)
			state.protocols = null;
		changeFilters(id);
	};
	const only = (word, id) => () => {
		const alone = state.protocols && state.protocols.size === 1 && state.protocols.has(word);
		state.protocols = alone ? null : new Set([word]);
		changeFilters(id + "-only");
	};
	const shown = filters.allProtocols ? words : words.filter((w, i) => i < PROTOCOLS_SHOWN || (state.protocols && on(w)));
	return el("fieldset", {}, el("legend", {}, t("filter_protocol")),
		shown.map((word) => {
			const id = "protocol-" + words.indexOf(word);
			return filterBox(id, on(word), el("span", {}, word === "unknown" ? t("look_unknown") : bdi(cut(word, 40))),
				counts.get(word), toggle(word, id), only(word, id));
		}),
		words.length > PROTOCOLS_SHOWN ? el("button", { class: "link", id: "protocols-all", onclick: () => {
			filters.allProtocols = !filters.allProtocols;
			drawFilters("protocols-all");
		} }, filters.allProtocols ? t("fewer") : t("all_protocols", { n: words.length })) : null);
}

function timeFilter() {
	const span = DATA.end - DATA.begin, at = (value) => DATA.begin + span * value / STEPS;
	const step = (ms) => span ? Math.round((ms - DATA.begin) / span * STEPS) : 0;
	const words = () => el("p", { class: "small", id: "time-words" }, clock(state.from), " – ", clock(state.to));
	const slider = (which) => el("input", {
		type: "range", min: 0, max: STEPS, value: which === "to" && !span ? STEPS : step(state[which]), id: "time-" + which,
		disabled: !span, "aria-label": t("time_" + which), "aria-valuetext": clock(state[which]),
		oninput: (event) => {
			const value = Number(event.target.value);
			if (which === "from")
				state.from = value <= 0 ? DATA.begin : Math.min(at(value), state.to);
			else
				state.to = value >= STEPS ? DATA.end : Math.max(at(value), state.from);
			event.target.value = step(state[which]);
			event.target.setAttribute("aria-valuetext", clock(state[which]));
			byId("time-words").replaceWith(words());
			later(() => refresh({}));
		},
	});
	return el("fieldset", {}, el("legend", {}, t("filter_time")),
		el("select", { id: "time-by", "aria-label": t("filter_time"), onchange: (event) => {
			state.timeBy = event.target.value;
			changeFilters("time-by");
		} }, ["last", "first"].map((w) => el("option", { value: w, selected: state.timeBy === w }, t("time_by_" + w)))),
		slider("from"), slider("to"), words());
}

function drawFilters(focus) {
	const panel = byId("filters");
	const signed = (look) => el("span", { class: "told" }, sign(look), VERDICTS.includes(look) ? t("short_" + look) : lookName(look));
	panel.replaceChildren(
		setFilter(t("filter_verdict"), VERDICTS, state.verdicts, countBy((e) => [e.state]), signed, "verdict-"),
		setFilter(t("filter_encryption"), COVERS, state.covers,
			countBy((e) => e.cover.total ? COVERS.filter((c) => e.cover[c]) : ["unknown"]), signed, "cover-"),
		el("p", { class: "small hint" }, t("unknown_is_plaintext")),
		timeFilter(), protocolFilter(),
		el("button", { id: "clear", onclick: clearFilters, disabled: !filtersInForce().length }, t("clear")));
	if (focus && byId(focus))
		byId(focus).focus();
}

function changeFilters(focus) {
	drawFilters(focus);
	refresh({});
}

function clearFilters() {
	state.query = byId("search").value = "";
	state.verdicts = new Set(VERDICTS);
	state.covers = new Set(COVERS);
	state.protocols = null;
	state.from = DATA.begin;
	state.to = DATA.end;
	state.focus = null;
	changeFilters("search");
}

/* Each filter that leaves something out, as a sentence: for the printed page and the count. */
function filtersInForce() {
	const ret = [];
	const chosen = (all, set) => all.filter((w) => set.has(w)).map(lookName).join(", ") || t("nothing_chosen");
	if (state.query.trim())
		ret.push(t("in_force_search", { text: visible(state.query.trim()) }));
	if (state.verdicts.size < VERDICTS.length)
		ret.push(t("filter_verdict") + ": " + chosen(VERDICTS, state.verdicts));
	if (state.covers.size < COVERS.length)
		ret.push(t("filter_encryption") + ": " + chosen(COVERS, state.covers));
	if (state.protocols)
		ret.push(t("filter_protocol") + ": " + cut([...state.protocols].join(", ") || t("nothing_chosen"), 200));
	if (state.from > DATA.begin || state.to < DATA.end)
		ret.push(t("time_by_" + state.timeBy) + " " + clock(state.from) + " – " + clock(state.to));
	if (state.focus)
		ret.push(t("in_force_focus", { name: state.focus.name, depth: state.focus.depth }) + ", " +
			t("way_" + state.focus.way));
	return ret;
}
