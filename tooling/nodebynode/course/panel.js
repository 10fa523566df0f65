// A learner's progress in a lab (panel.py). Tables come ready; what is news is said aloud.
export default {
	render({ model, el }) {
		const figure = document.createElement("div"), said = document.createElement("p");
		said.setAttribute("role", "status"); // polite: it waits until a reader has finished
		el.append(figure, said);
		const hear = ({ html, news }) => {
			figure.innerHTML = html;
			if (said.textContent !== news) said.textContent = news;
		};
		model.on("msg:custom", hear);
		model.send({ want: "now" });
		return () => model.off("msg:custom", hear);
	},
};
