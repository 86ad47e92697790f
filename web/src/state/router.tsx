// Which view the address names, by the history API.
import type { JSX } from "preact";
import { Store } from "./store";

export type Route =
  | { view: "networks" }
  | { view: "network"; id: number }
  | { view: "ask"; id: number }
  | { view: "tasks" }
  | { view: "task"; id: number }
  | { view: "me" }
  | { view: "converse" }
  | { view: "lost" };

export function routeOf(path: string): Route {
  const [first = "", second, third, ...rest] = path.replace(/\/+$/, "").split("/").slice(1);
  const id = second !== undefined && /^[1-9][0-9]{0,8}$/.test(second) ? Number(second) : null;
  if (rest.length > 0) return { view: "lost" };
  if (first === "" && second === undefined) return { view: "networks" };
  if (first === "networks" && id !== null && third === undefined) return { view: "network", id };
  if (first === "networks" && id !== null && third === "ask") return { view: "ask", id };
  if (first === "tasks" && second === undefined) return { view: "tasks" };
  if (first === "tasks" && id !== null && third === undefined) return { view: "task", id };
  if (first === "me" && second === undefined) return { view: "me" };
  if (first === "converse" && second === undefined) return { view: "converse" };
  return { view: "lost" };
}

export const route = new Store<Route>(routeOf(location.pathname));
addEventListener("popstate", () => route.set(routeOf(location.pathname)));

export function go(path: string): void {
  history.pushState(null, "", path);
  route.set(routeOf(path));
  scrollTo(0, 0);
}

/** A link inside the page; with a modifier key it is the browser's own. */
export function Link({ href, ...rest }: JSX.AnchorHTMLAttributes<HTMLAnchorElement> & { href: string }) {
  const click = (event: MouseEvent) => {
    if (
      event.defaultPrevented ||
      event.button !== 0 ||
      event.metaKey ||
      event.ctrlKey ||
      event.shiftKey ||
      event.altKey
    )
      return;
    event.preventDefault();
    go(href);
  };
  return <a href={href} onClick={click} {...rest} />;
}
