import { createHash } from "node:crypto";
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { defineConfig } from "vite";

const here = import.meta.dirname;
const sources = [
  ...readdirSync(join(here, "src")).map((name) => `src/${name}`),
  "package.json",
  "package-lock.json",
  "tsconfig.json",
  "vite.config.js",
].sort();

/** One hash over everything that the built file follows from. tests/ingest/test_page_client_build.py computes the same. */
function sourcesHash() {
  const hash = createHash("sha256");
  for (const path of sources) {
    const content = readFileSync(join(here, path));
    hash.update(`${path}\n${content.length}\n`).update(content);
  }
  return hash.digest("hex");
}

/** First line of the built file. Added after minification, which would drop or move a comment. */
const banner = {
  name: "banner",
  enforce: "post",
  generateBundle(_, bundle) {
    for (const chunk of Object.values(bundle)) {
      chunk.code = `/* Whenflow, Apache-2.0, sha256 ${sourcesHash()} */\n${chunk.code.trim()}\n`;
    }
  },
};

export default defineConfig({
  root: here,
  plugins: [banner],
  build: {
    target: "es2019",
    cssTarget: ["chrome100", "safari15"],
    lib: { entry: "src/main.ts", formats: ["iife"], name: "_", fileName: () => "ppmatc.js" },
    outDir: "..",
    emptyOutDir: false,
    reportCompressedSize: false,
  },
  test: { environment: "happy-dom", include: ["tests/*.test.ts"] },
});
