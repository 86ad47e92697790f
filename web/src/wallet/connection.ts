// The wallet that the page is connected to, if any. What talks to it is loaded when somebody connects.
import { Store } from "../state/store";
import type { Wallet } from "./wallet";

export const wallet = new Store<Wallet | null>(null);

export const loadWallet = () => import("./wallet");
export const loadAsking = () => import("./asking");
export const loadConversing = () => import("./conversing");
