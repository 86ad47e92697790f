// Charts in SVG. Each stands beside a table or a list with the same numbers, so that it is an image with a name.
import { significant } from "../format";

const WIDTH = 640;

export interface Estimate {
  name: string;
  value: number;
  low: number | null;
  high: number | null;
}

/** Coefficients with their intervals, and a line at zero. */
export function Coefficients({ of, level }: { of: Estimate[]; level: number }) {
  const ends = of.flatMap((one) => [one.value, one.low ?? one.value, one.high ?? one.value]);
  const least = Math.min(0, ...ends);
  const most = Math.max(0, ...ends);
  const left = 170;
  const right = WIDTH - 20;
  const spread = most - least || 1;
  const x = (value: number) => left + ((value - least) / spread) * (right - left);
  const row = 28;
  const height = of.length * row + 40;
  return (
    <svg
      class="chart"
      viewBox={`0 0 ${WIDTH} ${height}`}
      role="img"
      aria-label={`Coefficients with intervals of ${Math.round(100 * level)}%; the table below has the numbers.`}
    >
      <line class="zero" x1={x(0)} x2={x(0)} y1={4} y2={height - 28} />
      {of.map((one, index) => {
        const y = index * row + row / 2 + 4;
        const name = one.name.length > 22 ? `${one.name.slice(0, 21)}…` : one.name;
        return (
          <g key={one.name}>
            <title>{`${one.name}: ${significant(one.value)}`}</title>
            <text x={left - 12} y={y + 4} text-anchor="end">
              {name}
            </text>
            {one.low !== null && one.high !== null && (
              <line class="interval" x1={x(one.low)} x2={x(one.high)} y1={y} y2={y} />
            )}
            <circle class="estimate" cx={x(one.value)} cy={y} r={5} />
          </g>
        );
      })}
      {[least, most].map((value, index) => (
        <text key={index} x={x(value)} y={height - 6} text-anchor={index ? "end" : "start"}>
          {significant(value, 3)}
        </text>
      ))}
    </svg>
  );
}

export interface Point {
  round: number;
  bound: number | null;
  nodes: number;
  outcome: string;
}

/** Of each attempt: the bound on the gradient on a logarithmic scale, and how many nodes took part. */
export function Rounds({ of }: { of: Point[] }) {
  const bounds = of.flatMap((one) => (one.bound !== null && one.bound > 0 ? [Math.log10(one.bound)] : []));
  const most = bounds.length ? Math.ceil(Math.max(...bounds)) : 0;
  const least = bounds.length ? Math.min(Math.floor(Math.min(...bounds)), most - 1) : 0;
  const left = 56;
  const step = (WIDTH - left - 16) / Math.max(of.length, 1);
  const x = (index: number) => left + (index + 0.5) * step;
  const top = 30;
  const middle = bounds.length ? 190 : top;
  const y = (value: number) => top + ((most - value) / (most - least || 1)) * (middle - top);
  const nodes = Math.max(1, ...of.map((one) => one.nodes));
  const base = middle + 110;
  const every = Math.ceil(of.length / 20);
  const line = of.flatMap((one, index) =>
    one.bound !== null && one.bound > 0 ? [`${x(index)},${y(Math.log10(one.bound))}`] : [],
  );
  return (
    <svg
      class="chart"
      viewBox={`0 0 ${WIDTH} ${base + 28}`}
      role="img"
      aria-label="Bound on the gradient per row, and nodes, by round; the table below has the numbers."
    >
      {bounds.length > 0 && (
        <text x={left} y={14}>
          Bound on the gradient per row
        </text>
      )}
      <text x={left} y={base - 76}>
        Nodes in each round
      </text>
      {bounds.length > 0 &&
        Array.from({ length: most - least + 1 }, (_, k) => least + k).map((power) => (
          <g key={power}>
            <line class="grid" x1={left} x2={WIDTH - 16} y1={y(power)} y2={y(power)} />
            <text x={left - 8} y={y(power) + 4} text-anchor="end">{`1e${power}`}</text>
          </g>
        ))}
      <polyline class="course" points={line.join(" ")} />
      {of.map((one, index) => (
        <g key={index}>
          <title>{`round ${one.round}: ${one.outcome}, ${one.nodes} nodes`}</title>
          {one.bound !== null && one.bound > 0 && (
            <circle class="estimate" cx={x(index)} cy={y(Math.log10(one.bound))} r={4} />
          )}
          <rect
            class={one.outcome === "abandoned" || one.outcome === "failed" ? "bar void" : "bar"}
            x={x(index) - Math.min(step * 0.35, 14)}
            width={Math.min(step * 0.7, 28)}
            y={base - (one.nodes / nodes) * 64}
            height={(one.nodes / nodes) * 64}
          />
          {index % every === 0 && (
            <text x={x(index)} y={base + 16} text-anchor="middle">
              {one.round}
            </text>
          )}
        </g>
      ))}
      <text x={left - 8} y={base - 52} text-anchor="end">
        {nodes}
      </text>
      <text x={left - 8} y={base + 4} text-anchor="end">
        0
      </text>
    </svg>
  );
}
