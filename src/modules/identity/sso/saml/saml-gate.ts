/** Longest response, in characters: real ones have some ten thousand. */
const maxLength = 131_072;
/** Elements within elements at most; real ones have some ten. */
const maxDepth = 40;

const xmldsig = 'http://www.w3.org/2000/09/xmldsig#';
const xmlenc = 'http://www.w3.org/2001/04/xmlenc#';
/**
 * What may be named as an algorithm, anywhere: signatures with RSA and SHA-2, canonical form without comments (so that none is in a NameID), the
 * transforms that SAML allows (SAML core, section 5.4.4), encryption that is authenticated (AES-GCM) under a key in OAEP, whose own hash may be SHA-1.
 */
const algorithms = new Set([
  'http://www.w3.org/2001/04/xmldsig-more#rsa-sha256',
  'http://www.w3.org/2001/04/xmldsig-more#rsa-sha512',
  `${xmlenc}sha256`,
  `${xmlenc}sha512`,
  'http://www.w3.org/2001/10/xml-exc-c14n#',
  `${xmldsig}enveloped-signature`,
  `${xmldsig}sha1`,
  'http://www.w3.org/2009/xmlenc11#aes128-gcm',
  'http://www.w3.org/2009/xmlenc11#aes256-gcm',
  `${xmlenc}rsa-oaep-mgf1p`,
]);

/** What the outermost element of a response says; nobody has signed that yet. */
export interface ResponseHead {
  destination: string | undefined;
  inResponseTo: string | undefined;
}

/**
 * Looks at a response before any parser of XML sees it, and lets nothing through that has no place in one: another outermost element, a DTD, a CDATA
 * section, an instruction, a comment, an entity or namespace trick in names, a weak algorithm, and more than a bounded length and depth.
 * Gives undefined for what is refused.
 */
export function responseHead(xml: string): ResponseHead | undefined {
  if (xml.length > maxLength || xml.includes('\0')) return undefined;
  const body = xml.replace(/^\uFEFF?\s*<\?xml [^<>?]*\?>/, '').trim();
  // Comments, CDATA, DTDs and instructions: no provider needs one in there, and parsers disagree about each.
  if (/<[!?]/.test(body)) return undefined;
  const head = /^<(?:[\w.-]+:)?Response(\s[^<>]*)>/.exec(body)?.[1];
  if (head === undefined || depthOf(body) > maxDepth) return undefined;
  for (const [, , value = ''] of body.matchAll(/\sAlgorithm\s*=\s*(["'])(.*?)\1/gs)) if (!algorithms.has(value)) return undefined;
  // SHA-1 within OAEP alone, never as the digest of what is signed.
  if (body.includes(`${xmldsig}sha1`) && !/<(?:[\w.-]+:)?EncryptedAssertion[\s>]/.test(body)) return undefined;
  if (!/<(?:[\w.-]+:)?StatusCode\s[^<>]*Value\s*=\s*["']urn:oasis:names:tc:SAML:2\.0:status:Success["']/.test(body)) return undefined;
  return { destination: attribute(head, 'Destination'), inResponseTo: attribute(head, 'InResponseTo') };
}

function attribute(head: string, name: string): string | undefined {
  return new RegExp(`\\s${name}\\s*=\\s*(["'])(.*?)\\1`, 's').exec(head)?.[2];
}

/** How deep elements are within each other. Linear in the length. */
function depthOf(body: string): number {
  let [depth, deepest] = [0, 0];
  for (const [, closing, , empty] of body.matchAll(/<(\/?)([^<>]*?)(\/?)>/g)) {
    if (closing === '/') depth -= 1;
    else if (empty !== '/') deepest = Math.max(deepest, (depth += 1));
  }
  return deepest;
}
