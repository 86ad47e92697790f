// Numbers, times and addresses for people.
import type { Status } from "./client";

const GROUPED = new Intl.NumberFormat("en");

export const grouped = (value: number): string => GROUPED.format(value);

export const many = (count: number, what: string): string => `${grouped(count)} ${what}${count === 1 ? "" : "s"}`;

/** A number of significant digits, small ones as 1.2e-6. */
export function significant(value: number, digits = 4): string {
  if (value === 0 || (Math.abs(value) >= 1e-3 && Math.abs(value) < 1e6))
    return String(Number(value.toPrecision(digits)));
  return value
    .toExponential(digits - 1)
    .replace(/\.?0+e/, "e")
    .replace("e+", "e");
}

/** An integer of smallest units with its decimal point, exactly. */
export function units(value: string | bigint, decimals: number): string {
  const digits = String(value).padStart(decimals + 1, "0");
  const whole = digits.slice(0, digits.length - decimals);
  const rest = digits.slice(digits.length - decimals).replace(/0+$/, "");
  return rest === "" ? whole : `${whole}.${rest}`;
}

export const ether = (wei: string | bigint): string => `${units(wei, 18)} ETH`;

/** A fee, in ETH or in the deployment's token. */
export function money(amount: string | bigint, token: boolean, status: Status | null): string {
  if (!token) return ether(amount);
  const known = status?.token;
  return known ? `${units(amount, known.decimals)} ${known.symbol}` : `${amount} units of the token`;
}

export const fee = (amount: string, token: boolean, status: Status | null): string =>
  BigInt(amount) === 0n ? "free" : money(amount, token, status);

export const short = (address: string): string => `${address.slice(0, 8)}…${address.slice(-6)}`;

/** A length of time, in its two largest units. */
export function duration(seconds: number): string {
  const whole = Math.max(0, Math.round(seconds));
  const parts: [number, string][] = [
    [Math.floor(whole / 86400), "d"],
    [Math.floor(whole / 3600) % 24, "h"],
    [Math.floor(whole / 60) % 60, "min"],
    [whole % 60, "s"],
  ];
  const first = parts.findIndex(([value]) => value > 0);
  if (first < 0) return "0 s";
  const shown = parts.slice(first, first + 2).filter(([value]) => value > 0);
  return shown.map(([value, unit]) => `${value} ${unit}`).join(" ");
}

export const moment = (seconds: number): string =>
  new Date(seconds * 1000).toISOString().replace("T", " ").replace(".000Z", " UTC");

export const percent = (share: number, digits = 2): string => `${Number((100 * share).toFixed(digits))}%`;

export const bytes = (count: number): string =>
  count < 1e6 ? `${Math.round(count / 1e3)} kB` : `${(count / 1e6).toFixed(1)} MB`;
