import type { Recognizer } from '../recognizer.ts';

const address = /(?:[0-9a-f]{2}([:-])(?:[0-9a-f]{2}\1){4}[0-9a-f]{2}|[0-9a-f]{4}\.[0-9a-f]{4}\.[0-9a-f]{4})/gi;

/** Hardware addresses of network cards (IEEE 802, EUI-48). */
export const macAddress: Recognizer = {
  name: 'mac_address',
  kinds: ['MAC_ADDRESS'],
  find: (input) =>
    [...input.text.matchAll(address)]
      .filter(({ 0: text, index }) => input.standsAlone(index, index + text.length) && !/^[:-]/.test(input.text.slice(index + text.length)))
      .map(({ 0: text, index }) => ({ kind: 'MAC_ADDRESS', start: index, end: index + text.length, confidence: 0.9 })),
};
