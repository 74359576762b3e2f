import { setImmediate as nextTurn } from 'node:timers/promises';
import { type DetectionText, readForDetection } from './detection-text.ts';
import { encodedPayloads } from './encoded-payloads.ts';
import { signals } from './injection-signals.ts';
import { bias, weights } from './injection-weights.ts';
import { wordingLogit } from './injection-wording.ts';

/** What the detector thinks of a text. */
export type InjectionVerdict = 'clean' | 'suspicious' | 'attack';

/** How it came to that: `code` names the evidence and never quotes the text, `weight` is its part in the score, in log-odds. */
export interface InjectionReason {
  code: string;
  weight: number;
}

/** A text's score from 0 (innocent) to 1 (an attack on the instructions of a model), with what speaks for it, strongest first. */
export interface InjectionAnalysis {
  score: number;
  verdict: InjectionVerdict;
  reasons: InjectionReason[];
}

/** From which score on a text is suspicious, and an attack. Chosen on the first half of the corpus (test/privacy/injection-corpus). */
export const injectionThresholds = { suspicious: 0.4, attack: 0.5 } as const;

/** How much the wording counts beside the signals, and what is added for having asked both. Chosen like the thresholds. */
const [wordingScale, wordingOffset] = [1.2, -0.4];
/** From which part in the score on the wording is named as a reason, in log-odds. */
const tellingWording = 0.5;

/** Longest text that is read, in UTF-16 code units: what is longer is judged by its beginning. */
const longestText = 262_144;
/** A text is judged piece by piece, so that a long innocent one does not gather what many short ones have. */
const piece = 4_000;
const overlap = 600;

/** Judges a text. Costs time that grows with its length alone, and the same for the same text. */
export function analyzeInjection(text: string, attackFrom: number = injectionThresholds.attack): InjectionAnalysis {
  return analysisOf(
    piecesOf(text).map((each) => judge(each, true)),
    attackFrom,
  );
}

/** The same for a text that may be long: lets others have their turn after each piece, some milliseconds. */
export async function analyzeInjectionInTurns(text: string, attackFrom: number = injectionThresholds.attack): Promise<InjectionAnalysis> {
  const judged: Evidence[] = [];
  for (const each of piecesOf(text)) {
    if (judged.length > 0) await nextTurn();
    judged.push(judge(each, true));
  }
  return analysisOf(judged, attackFrom);
}

function piecesOf(text: string): string[] {
  const bounded = text.slice(0, longestText);
  const count = Math.max(1, Math.ceil((bounded.length - overlap) / (piece - overlap)));
  return Array.from({ length: count }, (_, at) => bounded.slice(at * (piece - overlap), at * (piece - overlap) + piece));
}

function analysisOf(judged: Evidence[], attackFrom: number): InjectionAnalysis {
  const worst = judged.reduce((most, each) => (each.logit > most.logit ? each : most));
  const score = Math.round(probability(worst.logit) * 1_000) / 1_000;
  const suspiciousFrom = Math.min(injectionThresholds.suspicious, attackFrom);
  const verdict = score >= attackFrom ? 'attack' : score >= suspiciousFrom ? 'suspicious' : 'clean';
  return { score, verdict, reasons: reasonsOf(worst) };
}

/** The evidence of a text by name of its signal, to learn weights from. */
export function injectionFeatures(text: string): Record<string, number> {
  return Object.fromEntries(judge(text.slice(0, piece), true).found.map(({ name, value }) => [name, value]));
}

interface Evidence {
  logit: number;
  /** The part of it that the wording has. */
  wording: number;
  found: { name: string; reason: string; value: number }[];
}

function judge(text: string, decode: boolean): Evidence {
  const read = readForDetection(text);
  const found = evidenceOf(read);
  if (decode && onlyQuoted(read, found)) found.push({ name: 'only_quoted', reason: 'context', value: 1 });
  if (decode) {
    const hidden = [...encodedPayloads(read.plain).map(({ text: decoded }) => decoded), ...(read.tagged.length > 7 ? [read.tagged] : [])];
    if (hidden.some((decoded) => saysMore(decoded, found))) found.push({ name: 'encoded_attack', reason: 'encoded', value: 1 });
  }
  const wording = wordingScale * wordingLogit(read);
  const logit = found.reduce((sum, { name, value }) => sum + value * (weights[name] ?? 0), bias) + wording + wordingOffset;
  return { found, wording, logit };
}

/** True when a decoded text is an attack by itself, and says something of one that the text around it does not say openly. */
function saysMore(decoded: string, openly: Evidence['found']): boolean {
  if (glued.test(decoded.toLowerCase())) return true;
  const { logit, found } = judge(decoded, false);
  if (probability(logit) < injectionThresholds.attack) return false;
  return found.some(({ name }) => (weights[name] ?? 0) > 1 && !openly.some((each) => each.name === name));
}

const quotation = /"[^"\n]{4,300}"|“[^”\n]{4,300}”|«[^»\n]{4,300}»|„[^“”\n]{4,300}[“”]/g;

/** True when all that speaks for an attack stands in quotation marks, within a text that says something besides. */
function onlyQuoted({ plain }: DetectionText, found: Evidence['found']): boolean {
  const around = plain.replace(quotation, ' … ');
  if (around === plain || (around.match(/\p{L}{2,}/gu) ?? []).length < 3) return false;
  const isAgainst = ({ name }: { name: string }) => (weights[name] ?? 0) > 1.5;
  return found.some(isAgainst) && !evidenceOf(readForDetection(around)).some(isAgainst);
}

/** What a spaced-out text says when nothing parts its words. */
const glued =
  /(?:ignor|disregard|forget|overrid|bypass)[a-z]{0,20}(?:instruction|prompt|rules|guideline)|(?:reveal|show|print|repeat|tell)[a-z]{0,16}(?:systemprompt|instructions|password|secret)/;

function evidenceOf(read: DetectionText): Evidence['found'] {
  return signals.map(({ name, reason, find }) => ({ name, reason, value: find(read) })).filter(({ value }) => value > 0);
}

function reasonsOf({ found, wording }: Evidence): InjectionReason[] {
  const byCode = new Map<string, number>(wording >= tellingWording ? [['wording', wording]] : []);
  for (const { name, reason, value } of found) byCode.set(reason, (byCode.get(reason) ?? 0) + value * (weights[name] ?? 0));
  return [...byCode]
    .filter(([, weight]) => weight > 0.05)
    .map(([code, weight]) => ({ code, weight: Math.round(weight * 100) / 100 }))
    .toSorted((a, b) => b.weight - a.weight);
}

function probability(logit: number): number {
  return 1 / (1 + Math.exp(-logit));
}
