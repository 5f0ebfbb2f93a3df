// One file, minified, as one deploys it.
import { build } from "esbuild";

await build({
  entryPoints: ["index.js"], outfile: "bundle.mjs", bundle: true, minify: true, platform: "node", target: "node20", format: "esm",
  // The AWS SDK still asks for Node's own modules by require().
  banner: { js: 'import { createRequire } from "node:module"; const require = createRequire(import.meta.url);' },
});
