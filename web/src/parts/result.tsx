// A proven answer.
import { useEffect, useRef } from "preact/hooks";
import type { Form } from "../client";
import { percent, significant } from "../format";
import type { Answer } from "../prediction";
import { useStatus } from "../state/server";
import { Facts, InsecureBanner } from "./basics";

export function Result({
  form,
  answer,
  insecure,
  how,
}: {
  form: Form;
  answer: Answer;
  insecure: boolean;
  how: string;
}) {
  const status = useStatus();
  const heading = useRef<HTMLHeadingElement>(null);
  useEffect(() => heading.current?.focus(), [answer]);
  const { output } = form;
  const probability = form.family === "logistic";
  const of = output.positive === null || !probability ? output.label : `${output.label}: ${output.positive}`;

  const download = async () => {
    const { proofFile } = await import("../prediction");
    const link = document.createElement("a");
    link.href = URL.createObjectURL(new Blob([proofFile(form, answer, status!)], { type: "application/json" }));
    link.download = "prediction-proof.json";
    link.click();
    setTimeout(() => URL.revokeObjectURL(link.href), 10_000);
  };

  return (
    <section class="result" aria-labelledby="result">
      <h2 id="result" ref={heading} tabIndex={-1}>
        {insecure ? "Answer" : "Proven answer"}
      </h2>
      {insecure && <InsecureBanner what="the keys of this answer" />}
      <p>
        {probability ? "Probability: " : ""}
        {of}
      </p>
      <p class="figure">
        <output>{probability ? percent(answer.expected) : `${significant(answer.expected, 6)} ${output.unit}`}</output>
      </p>
      {probability && <meter min={0} max={1} value={answer.expected} aria-label={`Probability of ${of}`} />}
      {output.help !== "" && <p class="text">{output.help}</p>}
      <p>
        {how} The proof was verified in this browser. It says that this is what the committed model says of one
        committed input; it does not say that the input is true.
      </p>
      <Facts
        items={[
          ["Model commitment", <code class="long">{answer.public[0]}</code>],
          ["Input commitment", <code class="long">{answer.public[1]}</code>],
          [
            probability ? "Exactly" : "In the proof's units",
            probability ? `${answer.units} / 65536` : String(answer.units),
          ],
        ]}
      />
      {answer.key !== null && status !== null && (
        <p>
          <button type="button" onClick={download}>
            Save the proof
          </button>{" "}
          Anybody can check the file with <code>twopm-zk verify prediction-proof.json</code>. Your input is not in it.
        </p>
      )}
    </section>
  );
}
