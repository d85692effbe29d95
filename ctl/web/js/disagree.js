// SPDX-License-Identifier: Apache-2.0
// disagree.js - merged maps: where the hosts at both ends of the same traffic do not say the same.

const SAID = {
	verdict: (side) => t("said_verdict", { live: saidAction(side.live), staged: saidAction(side.candidate) }),
	encryption: (side) => side.encryption === "mixed" ? t("look_partly") :
		COVERS.includes(side.encryption) ? t("look_" + side.encryption) : visible(text(side.encryption)),
	connections: (side) => number(count(side.connections)),
	bytes: (side) => bytesText(count(side.bytes)),
};

const saidAction = (action) => action === "allow" ? t("short_allow") : action === "deny" ? t("short_deny") :
	action === "both" ? t("said_both") : visible(text(action));

/* "connections: web01 says 120, db01 says 80" */
function disagreeText(raw) {
	if (!isObject(raw))
		return visible(text(raw));
	const kind = text(raw.kind);
	if (kind === "one-end")
		return t("said_one_end", { host: visible(text(raw.not_seen_by)), n: count(raw.its_losses) });
	const sides = [raw.at_src, raw.at_dst].filter(isObject);
	if (!Object.hasOwn(SAID, kind))
		return visible(kind);
	return t("fact_" + kind) + t("said_colon") + sides.map((side) => t("said_by", {
		host: visible(text(side.host)), what: SAID[kind](side) })).join(t("said_and"));
}

/* Ids that an end may have in this map, whatever it is grouped by. */
function endIds(end) {
	const e = object(end);
	return [text(e.id), "address:" + text(e.address), "host:" + text(e.host)];
}

const endName = (end) => visible(text(object(end).host) || text(object(end).address));

/* Gives each edge what is said of it; what belongs to no edge is in the list of the map alone. */
function attachDisagreements(map) {
	const byEnds = new Map();
	for (const edge of map.edges) {
		const key = edge.src.id + "\u0000" + edge.dst.id + "\u0000" + edge.service;
		if (!byEnds.has(key))
			byEnds.set(key, []);
		byEnds.get(key).push(edge);
	}
	for (const row of map.disagreements) {
		const raw = object(row), service = serviceOf(raw);
		const keys = endIds(raw.src).flatMap((s) => endIds(raw.dst).map((d) => s + "\u0000" + d + "\u0000" + service));
		for (const edge of byEnds.get(keys.find((k) => byEnds.has(k))) || [])
			edge.disagree.push(row);
	}
}

function disagreeDetail() {
	return [el("h2", {}, t("disagree", { n: DATA.disagreements.length })),
		el("ul", { class: "edges" }, DATA.disagreements.slice(0, LIST_MAX * 4).map((row) => {
			const edge = DATA.edges.find((e) => e.disagree.includes(row)), raw = object(row);
			const title = [bdi(endName(raw.src)), " → ", bdi(endName(raw.dst)), " ", serviceOf(raw)];
			return el("li", {}, edge ? el("button", { class: "link", onclick: () => select({ kind: "edge", edge }) },
				el("span", {}, title)) : el("strong", {}, title), el("div", { class: "small" }, bdi(disagreeText(row))));
		})),
		DATA.disagreements.length > LIST_MAX * 4 ?
			el("p", { class: "small" }, t("list_more", { n: DATA.disagreements.length - LIST_MAX * 4 })) : null];
}
