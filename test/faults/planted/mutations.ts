import type { ViolationKind } from '../checker/violation.ts';
import type { Mutation, TappedFrame } from './tap.ts';

/** A bug that is planted on purpose, and what the checker must call it. */
export interface PlantedBug {
  name: string;
  /** The finding that must be among those of this message; undefined when there must be none. */
  expected: ViolationKind | undefined;
  /** State for one socket. `others` gives words that another tenant is being shown. */
  mutation: (others: () => string) => Mutation;
  /** More script for the model. */
  script?: object;
}

/** Which text chunk of an answer is hit. */
const hit = 3;

/** Sees the text chunks of a socket one by one; gives what the client gets instead. */
function onDeltas(change: (frame: TappedFrame, number: number) => TappedFrame[]): Mutation {
  let number = 0;
  return {
    fromServer: (frame) => (frame.chunk?.type === 'text-delta' ? change(frame, (number += 1)) : [frame]),
  };
}

/** The same with all numbers made to fit afterwards, as a server would that has lost track itself. */
function renumbered(change: (frame: TappedFrame, number: number) => TappedFrame[]): Mutation {
  const inner = onDeltas(change);
  let next = 0;
  return {
    fromServer: (frame) =>
      inner.fromServer(frame).map((out) => {
        if (out.type === 'chunk') next += 1;
        return out.type === 'chunk' ? { ...out, sequence: next - 1 } : out;
      }),
  };
}

function drop(frame: TappedFrame, number: number): TappedFrame[] {
  return number === hit ? [] : [frame];
}

function duplicate(frame: TappedFrame, number: number): TappedFrame[] {
  return number === hit ? [frame, frame] : [frame];
}

/** Holds one chunk back until the next one has passed. */
function reorder(): (frame: TappedFrame, number: number) => TappedFrame[] {
  let held: TappedFrame | undefined;
  return (frame, number) => {
    if (number === hit) {
      held = frame;
      return [];
    }
    const late = held;
    held = undefined;
    return late === undefined ? [frame] : [frame, late];
  };
}

/** The bugs of the house: each is real frames, wrongly handled. */
export const plantedBugs: PlantedBug[] = [
  { name: 'none', expected: undefined, mutation: () => onDeltas((frame) => [frame]) },
  { name: 'drop', expected: 'gap', mutation: () => onDeltas(drop) },
  { name: 'drop, numbers made to fit', expected: 'gap', mutation: () => renumbered(drop) },
  { name: 'duplicate', expected: 'repeated', mutation: () => onDeltas(duplicate) },
  { name: 'duplicate, numbers made to fit', expected: 'repeated', mutation: () => renumbered(duplicate) },
  { name: 'reorder', expected: 'reordered', mutation: () => onDeltas(reorder()) },
  { name: 'reorder, numbers made to fit', expected: 'reordered', mutation: () => renumbered(reorder()) },
  {
    name: 'cross-tenant',
    expected: 'foreign',
    mutation: (others) =>
      onDeltas((frame, number) => [number === hit ? { ...frame, chunk: { ...frame.chunk, type: 'text-delta', delta: others() } } : frame]),
  },
  { name: 'ack before commit', expected: 'lost', mutation: ackBeforeCommit },
  { name: 'cut shown as complete, by an early end', expected: 'false-complete', mutation: endsEarly },
  {
    name: 'cut shown as complete, by a wrong finish',
    expected: 'false-complete',
    mutation: () => ({ fromServer: (frame) => [finishedWell(frame)] }),
    // The calls of an attempt are not enough to come to the end, however they go on.
    script: { cut_after_tokens: 5 },
  },
];

/** Says `start` although no COMMIT will ever come: the message does not even reach the server. */
function ackBeforeCommit(): Mutation {
  return {
    fromServer: (frame) => [frame],
    fromClient: (frame) =>
      frame.type === 'send'
        ? {
            forward: false,
            answer: [{ type: 'start', ...(frame.requestId === undefined ? {} : { requestId: frame.requestId }) }],
            close: true,
          }
        : { forward: true, answer: [], close: false },
  };
}

/** Ends politely where the answer was cut. */
function endsEarly(): Mutation {
  const { fromServer } = onDeltas((frame, number) =>
    number < hit
      ? [frame]
      : number === hit
        ? [{ type: 'end', ...(frame.requestId === undefined ? {} : { requestId: frame.requestId }) }]
        : [],
  );
  let ended = false;
  return {
    fromServer: (frame) => {
      const out = ended ? [] : fromServer(frame);
      ended ||= out.some(({ type }) => type === 'end');
      return out;
    },
  };
}

function finishedWell(frame: TappedFrame): TappedFrame {
  if (frame.chunk?.type !== 'finish') return frame;
  const messageMetadata = { ...frame.chunk.messageMetadata, status: 'complete' };
  return { ...frame, chunk: { ...frame.chunk, finishReason: 'stop', messageMetadata } };
}
