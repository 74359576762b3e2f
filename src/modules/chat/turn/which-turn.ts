import { chatErrors } from '../chat.errors.ts';
import { isFinal, type TurnRow } from './turn.ts';

/** What a client asks for, as far as it decides which turn is meant. */
export interface Ask {
  trigger: 'submit-message' | 'regenerate-message';
  /** Keyed digest of the message's text. */
  textDigest: Buffer;
  /** True when the client says that it replaces this very message (an edit). */
  edit: boolean;
  /** The answer that a regenerate names, if it names one. */
  answerId: string | undefined;
}

/** The turn that a request means. */
export type Decision =
  | { kind: 'join'; turn: TurnRow }
  /** A first answer to a new message. */
  | { kind: 'new' }
  /** Another answer to the same message: what came after the message is superseded. */
  | { kind: 'regenerate'; earlier: TurnRow }
  /** Other text under the same message id, wanted: the message and all after it are superseded. */
  | { kind: 'edit'; earlier: TurnRow };

/**
 * One send, one turn: decides by the turns that the same client message has had so far (oldest first). Throws
 * `message_conflict` for other text under the same id that is not an edit.
 */
export function whichTurn(ask: Ask, earlier: TurnRow[]): Decision {
  const newest = earlier.at(-1);
  if (newest === undefined) return { kind: 'new' };
  return ask.trigger === 'submit-message' ? submitted(ask, earlier, newest) : regenerated(ask, earlier, newest);
}

function submitted(ask: Ask, earlier: TurnRow[], newest: TurnRow): Decision {
  if (newest.textDigest.equals(ask.textDigest)) return { kind: 'join', turn: newest };
  if (ask.edit) return { kind: 'edit', earlier: newest };
  // A late copy of a send whose text was edited since means the turn that it made.
  const same = earlier.findLast((turn) => turn.textDigest.equals(ask.textDigest));
  if (same !== undefined) return { kind: 'join', turn: same };
  throw chatErrors.messageConflict();
}

function regenerated(ask: Ask, earlier: TurnRow[], newest: TurnRow): Decision {
  if (!newest.textDigest.equals(ask.textDigest)) throw chatErrors.messageConflict();
  if (ask.answerId !== undefined) {
    const replacement = earlier.find((turn) => turn.replacedAnswerId === ask.answerId);
    if (replacement !== undefined) return { kind: 'join', turn: replacement };
  } else if (newest.replacedAnswerId !== null && !isFinal(newest.state)) {
    // Without a name, a second regenerate while the first still runs is a copy of it.
    return { kind: 'join', turn: newest };
  }
  return { kind: 'regenerate', earlier: newest };
}
