"""fastText's skip-gram on whole words. It tells its own speed: words that its vocabulary knows, before subsampling, per second
of training."""
import json, os, re, subprocess, tempfile
import word2vec_text

args = word2vec_text.arguments(__doc__)
text = word2vec_text.lines(args.data, args.words)
with tempfile.TemporaryDirectory() as folder:
    output = os.path.join(folder, "model")
    try:
        said = subprocess.run(
            ["fasttext", "skipgram", "-input", text, "-output", output, "-minn", "0", "-maxn", "0", "-dim", "100", "-ws", "5", "-neg", "5",
             "-minCount", "5", "-t", "1e-4", "-lr", "0.025", "-epoch", str(args.epochs), "-thread", str(args.threads)],
            check=True, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True).stdout
    finally:
        os.remove(text)
    if args.out:
        os.replace(output + ".vec", args.out)
speed = re.findall(r"words/sec/thread:\s*(\d+)", said)[-1]
version = subprocess.run(["dpkg-query", "-W", "-f", "${Version}", "fasttext"], stdout=subprocess.PIPE, text=True).stdout or "of unknown version"
print(json.dumps({"version": f"fastText {version}"}))
print(json.dumps({"case": args.case, "value": int(speed) * args.threads, "unit": "words/s"}))
