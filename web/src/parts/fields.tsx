// The fields of a form that is made from a network's specification and description.
import type { FormInput } from "../client";
import { type Cell, rangeText, type Row } from "../twins/coding";

export type Typed = Record<string, string>;

const NUMBER = /^[+-]?(\d+(\.\d*)?|\.\d+)(e[+-]?\d+)?$/i;

/** What was typed as a row; what is no number stays a text, which the coding refuses by name. */
export function rowOf(inputs: FormInput[], typed: Typed): Row {
  const cell = (input: FormInput): Cell => {
    const text = (typed[input.name] ?? "").trim();
    if (text === "") return null;
    if (input.kind === "category") return typed[input.name]!;
    const plain = text.replace("−", "-");
    return NUMBER.test(plain) ? Number(plain) : text;
  };
  return Object.fromEntries(inputs.map((input) => [input.name, cell(input)]));
}

export const fieldId = (input: string): string => `input-${input}`;

/** What a field takes, in words. */
function hint(input: FormInput): string {
  const range = rangeText(input.minimum, input.maximum);
  const parts = [
    input.kind === "number" && range !== "a number" ? `${range[0]!.toUpperCase()}${range.slice(1)}.` : "",
    input.missing ? "May be left empty." : "",
    input.help,
  ];
  return parts.filter((part) => part !== "").join(" ");
}

export function Field(props: {
  input: FormInput;
  value: string;
  error: string | null;
  change: (value: string) => void;
}) {
  const { input, value, error, change } = props;
  const id = fieldId(input.name);
  const said = hint(input);
  const described = [said ? `${id}-hint` : "", error ? `${id}-error` : ""].filter((one) => one !== "").join(" ");
  const common = {
    id,
    name: input.name,
    value,
    required: !input.missing,
    "aria-invalid": error !== null,
    "aria-describedby": described || undefined,
    autocomplete: "off",
  };
  return (
    <div class="field">
      <label for={id}>
        {input.label || input.name}
        {input.unit !== "" && <span class="unit"> ({input.unit})</span>}
      </label>
      {input.kind === "category" ? (
        <select {...common} onChange={(event) => change(event.currentTarget.value)}>
          <option value="">{input.missing ? "not known" : "choose"}</option>
          {input.categories.map((category) => (
            <option key={category.value} value={category.value}>
              {category.label}
            </option>
          ))}
        </select>
      ) : (
        <input {...common} type="text" inputMode="decimal" onInput={(event) => change(event.currentTarget.value)} />
      )}
      {said !== "" && (
        <p class="small" id={`${id}-hint`}>
          {said}
        </p>
      )}
      {error !== null && (
        <p class="bad-text" id={`${id}-error`}>
          {error}
        </p>
      )}
    </div>
  );
}
