// The page: a frame around the view that the address names.
import { type ComponentType, render } from "preact";
import { useEffect, useRef, useState } from "preact/hooks";
import { Problem } from "./parts/basics";
import { Link, type Route, route } from "./state/router";
import { follow, trouble, useStatus } from "./state/server";
import { useStore } from "./state/store";
import { AskView } from "./views/ask";
import { MeView } from "./views/me";
import { NetworkView } from "./views/network";
import { NetworksView } from "./views/networks";
import { TasksView, TaskView } from "./views/tasks";

const TITLES: Record<Route["view"], string> = {
  networks: "Networks",
  network: "Network",
  ask: "Ask",
  tasks: "Tasks",
  task: "Task",
  me: "My account",
  converse: "Converse",
  lost: "Not found",
};

const loadConverse = () => import("./views/converse");

/** A view that is loaded when somebody looks at it. */
function Later({ load }: { load: () => Promise<{ default: ComponentType }> }) {
  const [found, set] = useState<ComponentType | null>(null);
  useEffect(() => void load().then((module) => set(() => module.default)), [load]);
  const Found = found;
  return Found === null ? <h1>Loading…</h1> : <Found />;
}

function View({ at }: { at: Route }) {
  switch (at.view) {
    case "networks":
      return <NetworksView />;
    case "network":
      return <NetworkView id={at.id} key={at.id} />;
    case "ask":
      return <AskView id={at.id} key={at.id} />;
    case "tasks":
      return <TasksView />;
    case "task":
      return <TaskView id={at.id} key={at.id} />;
    case "me":
      return <MeView />;
    case "converse":
      return <Later load={loadConverse} />;
    default:
      return (
        <>
          <h1>Not found</h1>
          <p>
            There is nothing at this address. <Link href="/">See the networks.</Link>
          </p>
        </>
      );
  }
}

const CONVERSE: [string, string, Route["view"][]] = ["/converse", "Converse", ["converse"]];
const NAVIGATION: [string, string, Route["view"][]][] = [
  ["/", "Networks", ["networks", "network", "ask"]],
  ["/tasks", "Tasks", ["tasks", "task"]],
  ["/me", "My account", ["me"]],
];

function Page() {
  const at = useStore(route);
  const status = useStatus();
  const problem = useStore(trouble);
  const main = useRef<HTMLElement>(null);
  const first = useRef(true);
  useEffect(() => {
    document.title = `${TITLES[at.view]}${"id" in at ? ` ${at.id}` : ""} · twopm-zk`;
    if (!first.current) main.current?.focus(); // a new view is read from its beginning
    first.current = false;
  }, [at]);
  return (
    <>
      <a class="skip" href="#main" onClick={(event) => (event.preventDefault(), main.current?.focus())}>
        Skip to the content
      </a>
      <header>
        <p class="name">
          <Link href="/">twopm-zk</Link>
        </p>
        <nav aria-label="Main">
          <ul>
            {[...NAVIGATION, ...(status?.conversation ? [CONVERSE] : [])].map(([href, text, views]) => (
              <li key={href}>
                <Link href={href} aria-current={views.includes(at.view) ? "page" : undefined}>
                  {text}
                </Link>
              </li>
            ))}
          </ul>
        </nav>
      </header>
      <main id="main" ref={main} tabIndex={-1}>
        <Problem text={problem} />
        <View at={at} />
      </main>
      <footer>
        {status !== null && (
          <p>
            twopm-zk {status.version}, chain {status.chain.id}
            {status.chain.development && " (a development chain)"}, block {status.chain.block}.
          </p>
        )}
        <p>
          Everything here comes from this server; nobody else is told that you look. <a href="/v1/openapi.json">API</a>,{" "}
          <a href="/assets/licences.txt">licences</a>
        </p>
      </footer>
    </>
  );
}

follow();
render(<Page />, document.getElementById("page")!);
