import { type LedgerRow, moneyOf, type ServedCall, type StoredTurn, type TenantEvidence, tokensOf } from './evidence.ts';
import type { ViolationKind } from './violation.ts';

/** Something that does not fit between a turn's requests and its rows. */
export interface Misfit {
  kind: ViolationKind;
  detail: string;
}

/** A turn's requests laid beside its rows. */
export interface Matching {
  pairs: { call: ServedCall; row: LedgerRow }[];
  misfits: Misfit[];
}

/** What is known of all turns of the tenant. */
type Known = Pick<TenantEvidence, 'calm' | 'prices'>;

/**
 * Lays a turn's requests, as the model server has seen them, beside its rows in the ledger, both in their order, so that the
 * fewest things do not fit (alignment by dynamic programming, as of Needleman and Wunsch, 1970). A row may stand without a request:
 * its replica died, or never reached the model server. A request without a row never fits.
 */
export function matchCalls(turn: StoredTurn, calls: ServedCall[], rows: LedgerRow[], known: Known): Matching {
  const ordered = { calls: calls.toSorted(byStart), rows: rows.toSorted(byNumber) };
  let line: Matching[] = [{ pairs: [], misfits: [] }];
  for (const row of ordered.rows) line.push(withMisfits(line.at(-1) ?? line[0], rowAlone(turn, row, known)));
  for (const [at, call] of ordered.calls.entries()) {
    const isLast = at === ordered.calls.length - 1;
    const next = [withMisfits(line[0], callAlone(call))];
    for (const [place, row] of ordered.rows.entries()) {
      const together = withMisfits(line[place], pairFaults(turn, call, row, { isLast, ...known }));
      together.pairs = [...together.pairs, { call, row }];
      const alternatives = [withMisfits(line[place + 1], callAlone(call)), withMisfits(next[place], rowAlone(turn, row, known))];
      next.push(alternatives.reduce((best, other) => (other.misfits.length < best.misfits.length ? other : best), together));
    }
    line = next;
  }
  return line.at(-1) ?? { pairs: [], misfits: [] };
}

/** What is wrong with a request and its row. */
function pairFaults(turn: StoredTurn, call: ServedCall, row: LedgerRow, { isLast, prices }: Known & { isLast: boolean }): Misfit[] {
  const [served, money] = [tokensOf(call), moneyOf(call, prices)];
  const reserved = row.reservedInput + row.reservedOutput;
  const about = `turn ${turn.id}, call ${row.call}: `;
  const servedText = `served ${call.promptTokens}+${call.tokensServed} for ${money} (${call.status} ${call.outcome})`;
  const counts = `${servedText}, reserved ${row.reservedInput}+${row.reservedOutput} for ${row.reservedCost}`;
  const found: Misfit[] = [];
  const report = (kind: ViolationKind, detail: string) => void found.push({ kind, detail: `${about}${detail}; ${counts}` });
  if (served > reserved || money > row.reservedCost) report('under-booked', 'more was served than reserved');
  if (row.state === 'reserved') return found;
  if (row.state === 'released') {
    if (served > 0) report('under-booked', 'released although it was served');
    return found;
  }
  const booked = bookedOf(row);
  const said = `booked ${row.inputTokens}+${row.outputTokens} for ${row.cost}${row.estimated ? ', estimated' : ''}`;
  if (booked < served || row.cost < money) report('under-booked', said);
  if (booked > reserved || row.cost > row.reservedCost) report('over-booked', said);
  if (!row.estimated && (call.status >= 400 || row.inputTokens !== call.promptTokens || row.outputTokens !== call.tokensServed))
    report('inexact', `${said}, as if the provider had said so`);
  else if (!row.estimated && row.cost !== money) report('inexact', `${said}, which is not what these tokens cost`);
  // A replica that dies, or an answer that is stopped, may not have heard what the provider had sent off.
  const heard = turn.state === 'completed' && isLast && call.outcome === 'complete';
  if (row.estimated && heard && isTruthful(call)) report('inexact', `${said}, although the provider had said it`);
  return found;
}

function isTruthful({ reported, promptTokens, tokensServed }: ServedCall): boolean {
  return reported !== null && reported.prompt === promptTokens && reported.completion === tokensServed;
}

function rowAlone(turn: StoredTurn, row: LedgerRow, { calm }: Known): Misfit[] {
  const about = `turn ${turn.id}, call ${row.call}`;
  if (row.state !== 'settled') return [];
  if (!row.estimated) return [{ kind: 'booked-twice', detail: `${about} is booked as exact, and the model server knows no such request` }];
  if (bookedOf(row) > row.reservedInput + row.reservedOutput || row.cost > row.reservedCost)
    return [{ kind: 'over-booked', detail: `${about} has no request, and books more than it reserved` }];
  // Whoever did not die knows whether it has asked.
  if (calm && turn.attempt === 1 && turn.state === 'completed')
    return [{ kind: 'booked-twice', detail: `${about} is booked, and the model server knows no such request` }];
  return [];
}

function callAlone(call: ServedCall): Misfit[] {
  const detail = `a request for ${call.marker} (${call.status} ${call.outcome}, ${call.promptTokens}+${call.tokensServed}) has no row`;
  return [{ kind: 'unrecorded', detail }];
}

/** Tokens that a settled row has booked. */
export function bookedOf(row: LedgerRow): number {
  return row.state === 'settled' ? (row.inputTokens ?? 0) + (row.outputTokens ?? 0) : 0;
}

function withMisfits(matching: Matching | undefined, more: Misfit[]): Matching {
  if (matching === undefined) throw new Error('the alignment has no such place');
  return { pairs: matching.pairs, misfits: [...matching.misfits, ...more] };
}

function byStart(a: ServedCall, b: ServedCall): number {
  return a.startedAt - b.startedAt;
}

function byNumber(a: LedgerRow, b: LedgerRow): number {
  return (a.call ?? 0) - (b.call ?? 0);
}
