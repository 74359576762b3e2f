import { memo } from 'react';
import ReactMarkdown, { type Components } from 'react-markdown';
import remarkGfm from 'remark-gfm';

const plugins = [remarkGfm];

// Headings become plain lines: an answer must not change the outline of the page. Pictures become their description:
// nothing is fetched because a model said so.
const components: Components = {
  a: ({ href, children }) => (
    <a href={href} target="_blank" rel="noopener noreferrer nofollow">
      {children}
    </a>
  ),
  img: ({ alt }) => <span className="prose-picture">{alt === undefined || alt === '' ? 'picture' : alt}</span>,
  pre: ({ children }) => (
    <pre tabIndex={0} role="group" aria-label="Code">
      {children}
    </pre>
  ),
  table: ({ children }) => (
    <div className="prose-table" tabIndex={0} role="group" aria-label="Table">
      <table>{children}</table>
    </div>
  ),
  input: ({ checked }) => <span aria-hidden="true">{checked === true ? '☑' : '☐'} </span>,
  h1: ({ children }) => <p className="prose-title prose-title-1">{children}</p>,
  h2: ({ children }) => <p className="prose-title prose-title-1">{children}</p>,
  h3: ({ children }) => <p className="prose-title">{children}</p>,
  h4: ({ children }) => <p className="prose-title">{children}</p>,
  h5: ({ children }) => <p className="prose-title">{children}</p>,
  h6: ({ children }) => <p className="prose-title">{children}</p>,
};

/** Markdown of a model: no raw HTML, no pictures, links that give nothing away. */
export const Markdown = memo(function Markdown({ text }: { text: string }) {
  return (
    <div className="prose">
      <ReactMarkdown remarkPlugins={plugins} components={components} skipHtml>
        {text}
      </ReactMarkdown>
    </div>
  );
});
