import type { Answer } from './stack.ts';

/** Where the stack says that it is (PUBLIC_URL). */
const publicUrl = 'http://localhost:3000';
/** Pages that one sign-in at a provider may lead over. */
const maxSteps = 12;

/** A browser that signs in: it holds cookies by host, goes where it is sent, and comes back to the server under test. */
export class SsoBrowser {
  private readonly jars = new Map<string, Map<string, string>>();

  /** `url` is where the server under test really is. */
  constructor(private readonly url: string) {}

  /** Begins at a provider; gives the answer as it came. */
  start(providerId: string, returnTo?: string): Promise<Response> {
    const query = returnTo === undefined ? '' : `?return_to=${encodeURIComponent(returnTo)}`;
    return this.get(`${this.url}/v1/auth/sso/${providerId}/start${query}`);
  }

  /** Follows a provider's pages from `location` to the callback; gives its path and query. */
  async atProvider(location: string): Promise<string> {
    let next = location;
    for (let step = 0; step < maxSteps; step += 1) {
      if (next.startsWith(publicUrl)) return next.slice(publicUrl.length);
      const response = await this.get(next);
      const moved = response.headers.get('location');
      next = moved === null ? await this.submitLogin(next, response) : new URL(moved, next).href;
    }
    throw new Error('this provider does not come to an end');
  }

  /** A whole sign-in up to the page; gives where that is. */
  async signIn(providerId: string, returnTo?: string): Promise<string> {
    const started = await this.start(providerId, returnTo);
    if (started.status !== 302) throw new Error(`start: ${started.status} ${await started.text()}`);
    return this.arrive(await this.atProvider(started.headers.get('location') ?? ''));
  }

  /** Comes back from a provider; gives where the page is. */
  async arrive(callback: string): Promise<string> {
    const answer = await this.get(this.url + callback);
    if (answer.status !== 302) throw new Error(`callback: ${answer.status} ${await answer.text()}`);
    return answer.headers.get('location') ?? '';
  }

  /** Exchanges a one-time code. */
  async exchange(code: string, password?: string): Promise<Answer> {
    return this.post('/v1/auth/sso/exchange', { code, ...(password === undefined ? {} : { password }) });
  }

  /** Calls the server under test as its page does. */
  async post(path: string, body: unknown, token?: string): Promise<Answer> {
    const response = await this.fetch(this.url + path, {
      method: 'POST',
      headers: { 'content-type': 'application/json', ...(token === undefined ? {} : { authorization: `Bearer ${token}` }) },
      body: JSON.stringify(body),
    });
    return { status: response.status, body: await response.json(), headers: response.headers };
  }

  /** Loads a page without following where it leads. */
  get(url: string): Promise<Response> {
    return this.fetch(url, {});
  }

  /** The cookies that this browser holds for a URL, as it sends them. */
  cookiesOf(url: string): string {
    return [...(this.jars.get(new URL(url).host) ?? [])].map(([name, value]) => `${name}=${value}`).join('; ');
  }

  private async fetch(url: string, init: { method?: string; body?: string; headers?: Record<string, string> }): Promise<Response> {
    const response = await fetch(url, { ...init, redirect: 'manual', headers: { ...init.headers, cookie: this.cookiesOf(url) } });
    const jar = this.jars.get(new URL(url).host) ?? new Map<string, string>();
    for (const cookie of response.headers.getSetCookie()) {
      const [, name, value] = /^([^=]+)=([^;]*)/.exec(cookie) ?? [];
      if (name !== undefined && value !== undefined) jar.set(name, value);
    }
    this.jars.set(new URL(url).host, jar);
    return response;
  }

  /** Types a name into the form of a log-in page; gives where it leads. */
  private async submitLogin(page: string, response: Response): Promise<string> {
    const html = await response.text();
    const action = /<form[^>]*action="([^"]+)"/.exec(html)?.[1];
    if (action === undefined) throw new Error(`no form: ${response.status} ${html.slice(0, 300)}`);
    const prompt = /name="prompt" value="([^"]+)"/.exec(html)?.[1] ?? 'login';
    const sent = await this.fetch(new URL(action, page).href, {
      method: 'POST',
      headers: { 'content-type': 'application/x-www-form-urlencoded' },
      body: new URLSearchParams({ prompt, login: 'ada', password: 'x' }).toString(),
    });
    return new URL(sent.headers.get('location') ?? '', page).href;
  }
}

/** What a page is told in its fragment. */
export function toldOf(location: string): Record<string, string> {
  return Object.fromEntries(new URLSearchParams(new URL(location).hash.slice(1)));
}
