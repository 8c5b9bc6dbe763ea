// A page of Next.js that the server renders, with a summary that the visitor's device writes.
//
//   npm install nanolm next react react-dom && npx next dev
import Summary from "./summary.jsx";

const ARTICLE = `The lighthouse at Ness Point was built in 1874 after a winter in which eleven ships were lost on the reef. For a century
a keeper lit the lamp every evening and wound the clockwork that turned it. In 1976 the lamp became electric, and the last keeper left.
The tower is now a museum, and last year forty thousand visitors climbed its two hundred steps to see the old lens.`;

export default function Page() {
  return (
    <main>
      <article>{ARTICLE}</article>
      <Summary text={ARTICLE} />
    </main>
  );
}
