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

/* What stands beside the label: how it is encrypted, or, where lines tell that, that staged policy would deny it. */
function sideLook(line, labels) {
	if (state.color !== "verdict")
		return line.staged ? "would" : null;
	return labels && line.look !== "deny" ? linesCover(line.edges) : null;
}

function lineMarks(line, labels) {
	const marks = [];
	if (line.look !== "allow" || state.color !== "verdict")
		marks.push(mark(line.look, line.mark.x, line.mark.y));
	const more = sideLook(line, labels);
	if (more)
		marks.push(mark(more, line.end.x + line.end.side * 15, line.end.y - 9));
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
		const beside = sideLook(line, labels);
		g.append(sv("text", {
			x: x + side * (beside ? 24 : 12), y: y - 5, "font-size": LABEL_SIZE, class: "label",
			"text-anchor": side > 0 ? "start" : "end",
		}, fitText(line.text, LABEL_SIZE, 130)));
	}
	line.element = g;
	return g;
}
