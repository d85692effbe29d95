// SPDX-License-Identifier: Apache-2.0
// lines.js - draws the lines of the graph, and says in words what each is.

/* 1.1 for one connection, 3.6 for what has most in the picture. */
function lineWidth(line, most) {
	const width = 1.1 + 2.5 * Math.log(1 + line.connections) / Math.log(2 + most);
	return line.faint ? Math.min(width, 1.6) : width;
}

/* For a screen reader: all that the picture shows of a line. */
function lineSpoken(line) {
	return t("line_spoken", {
		src: line.src.name, dst: line.dst.name, what: line.text,
		verdict: VERDICTS.filter((v) => line.edges.some((e) => e.state === v)).map((v) => t("look_" + v)).join(", "),
		cover: t("look_" + linesCover(line.edges)),
	});
}

function linesCover(edges) {
	return coverOf(addUp(edges).cover);
}

function lineMarks(line, labels) {
	const marks = [];
	if (line.look !== "allow" || state.color !== "verdict")
		marks.push(mark(line.look, line.mark.x, line.mark.y));
	if (labels && state.color === "verdict" && line.look !== "deny")
		marks.push(mark(linesCover(line.edges), line.end.x + line.end.side * 15, line.end.y - 9));
	return marks;
}

function drawLine(line, labels, most) {
	const { x, y, side } = line.end;
	const tip = "M" + (x + side) + " " + y + "L" + (x + side * 10) + " " + (y - 4.2) + "V" + (y + 4.2) + "Z";
	const g = sv("g", { class: "line " + line.look + (line.faint ? " faint" : ""), role: "button", tabindex: -1, "aria-label": lineSpoken(line) },
		sv("path", { class: "hit", d: line.path }),
		sv("path", { class: "stroke", d: line.path, "stroke-width": lineWidth(line, most).toFixed(2) }),
		sv("path", { class: "tip", d: tip }),
		lineMarks(line, labels));
	if (labels) {
		const lock = state.color === "verdict" && line.look !== "deny";
		g.append(sv("text", {
			x: x + side * (lock ? 24 : 12), y: y - 5, "font-size": LABEL_SIZE, class: "label",
			"text-anchor": side > 0 ? "start" : "end",
		}, fitText(line.text, LABEL_SIZE, 130)));
	}
	line.element = g;
	return g;
}
