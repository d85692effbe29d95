// SPDX-License-Identifier: Apache-2.0
// marks.js - the small signs for verdicts and encryption: each has a shape of its own, colour comes on top.

const LOOKS = {
	verdict: ["allow", "would", "deny"],
	encryption: ["encrypted", "partly", "plaintext", "unknown", "deny"],
};

/* A sign about 12 by 12, its middle at x, y. */
function mark(look, x, y) {
	const g = sv("g", { class: "mark " + look, transform: "translate(" + x + " " + y + ")", "aria-hidden": "true" });
	switch (look) {
	case "deny":
		g.append(sv("circle", { r: 6 }), sv("path", { d: "M-2.6 -2.6L2.6 2.6M2.6 -2.6L-2.6 2.6" }));
		break;
	case "would":
		g.append(sv("path", { class: "body", d: "M0 -6.6L6.8 5.6H-6.8Z" }), sv("path", { d: "M0 -2.2V1.6M0 3.2V4.2" }));
		break;
	case "encrypted":
	case "partly":
	case "plaintext":
		g.append(sv("path", { class: "bow", d: look === "encrypted" ? "M-2.6 -0.6V-2.8A2.6 2.6 0 0 1 2.6 -2.8V-0.6" :
			"M-2.6 -0.6V-3.4A2.6 2.6 0 0 1 2.4 -4.4" }),
		sv("rect", { class: look === "plaintext" ? "hollow" : "body", x: -4.4, y: -0.6, width: 8.8, height: 6.4, rx: 1.2 }));
		if (look === "partly")
			g.append(sv("rect", { class: "half", x: 0, y: 0.3, width: 3.6, height: 4.6 }));
		break;
	case "unknown":
		g.append(sv("circle", { class: "hollow", r: 6 }),
			sv("path", { d: "M-2 -1.6A2 2 0 1 1 0.6 0.2Q0 0.6 0 1.4M0 3V3.6" }));
		break;
	}
	return g;
}

/* A sign on its own, in running text. */
function sign(look) {
	const svg = sv("svg", { class: "sign", viewBox: "-8 -8 16 16", width: 16, height: 16, "aria-hidden": "true" });
	if (look === "allow")
		svg.append(sv("g", { class: "mark allow" }, sv("path", { d: "M-5 0.5L-1.6 4L5 -4" })));
	else
		svg.append(mark(look, 0, 0));
	return svg;
}

/* A piece of line as the graph draws it, for the legend. */
function lineSample(look) {
	const svg = sv("svg", { class: "sample", viewBox: "0 0 56 16", width: 56, height: 16, "aria-hidden": "true" });
	svg.append(sv("g", { class: "line " + look },
		sv("path", { class: "stroke", d: "M1 8H46", "stroke-width": 2.2 }),
		sv("path", { class: "tip", d: "M54 8L45 4V12Z" })));
	if (look !== "allow")
		svg.append(mark(look, 24, 8));
	return svg;
}

const lookName = (look) => t("look_" + look);

/* Sign and word together. */
const told = (look, more) => el("span", { class: "told " + look }, sign(look), lookName(look), more);

function drawLegend() {
	const legend = byId("legend");
	legend.replaceChildren();
	for (const look of LOOKS[state.color])
		legend.append(el("span", { class: "legend-item" }, lineSample(look), lookName(look)));
	if (state.color === "verdict") {
		for (const look of ["encrypted", "partly", "plaintext", "unknown"])
			legend.append(el("span", { class: "legend-item" }, sign(look), lookName(look)));
	} else {
		legend.append(el("span", { class: "legend-item" }, sign("would"), lookName("would")));
	}
	legend.append(el("span", { class: "legend-item" }, t("legend_width")));
	if (graph.scene && graph.scene.left)
		legend.append(el("span", { class: "legend-item" }, t("legend_left", { n: graph.scene.left }),
			el("button", { class: "link", id: "draw-all", onclick: () => { state.allLines = true; refresh({}); } }, t("draw_all"))));
	if (DATA.disagreements.length)
		legend.append(el("span", { class: "legend-item" }, t("legend_disagree")));
	const hubs = graph.scene ? graph.scene.hubs : [];
	if (hubs.length && state.hubs !== "full")
		legend.append(el("span", { class: "legend-item" }, state.hubs === "hidden" ?
			t("legend_hidden", { n: graph.scene.hidden }) : t("legend_faint")));
}
