"""fastText's program, on whole words unless subwords are asked for. It tells its own speed: words that its vocabulary knows, before subsampling, a second of
training."""
import json, os, re, shutil, subprocess, tempfile
import word2vec_text

args = word2vec_text.arguments(__doc__)
version = subprocess.run(["dpkg-query", "-W", "-f", "${Version}", "fasttext"], stdout=subprocess.PIPE, text=True).stdout or "of unknown version"
print(json.dumps({"version": f"fastText {version}"}))
text = word2vec_text.lines(args.data, args.words)
try:
    with tempfile.TemporaryDirectory() as folder:
        output = os.path.join(folder, "model")
        for kind in args.kinds:
            model, loss = "cbow" if "cbow" in kind else "skipgram", "hs" if "hierarchical" in kind else "ns"
            grams = ["-minn", "3", "-maxn", "6", "-bucket", "2000000"] if "subwords" in kind else ["-minn", "0", "-maxn", "0"]
            for threads in args.threads:
                said = subprocess.run(
                    ["fasttext", model, "-loss", loss, *grams, "-input", text, "-output", output, "-dim", "100", "-ws", "5", "-neg", "5", "-minCount", "5",
                     "-t", "1e-4", "-lr", str(args.rate), "-seed", str(args.seed), "-epoch", str(args.epochs), "-thread", str(threads)],
                    check=True, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True).stdout
                word2vec_text.tell(kind, threads, int(re.findall(r"words/sec/thread:\s*(\d+)", said)[-1]) * threads)
        if args.out:
            shutil.move(output + ".vec", args.out)
finally:
    os.remove(text)
