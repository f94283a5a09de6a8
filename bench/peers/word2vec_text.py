"""What the word2vec peers share: their text, cut to a number of words, and their arguments."""
import argparse, io, json, tempfile, zipfile

WORDS_PER_LINE = 1000


def arguments(about):
    parser = argparse.ArgumentParser(description=about)
    parser.add_argument("data", help="a text, or a .zip with one")
    parser.add_argument("--words", type=int, default=0, help="only the first so many words; 0: all")
    parser.add_argument("--epochs", type=int, default=1)
    parser.add_argument("--kinds", nargs="+", default=["skipgram"], help="each is measured: cbow, hierarchical, subwords or several of them")
    parser.add_argument("--rate", type=float, default=0.025, help="the learning rate at the start; it changes no speed")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--threads", type=int, nargs="+", default=[1], help="each is measured")
    parser.add_argument("--out", help="where to write the last vectors, in word2vec's text format")
    return parser.parse_args()


def tell(kind, threads, words_per_second):
    case = f"{threads} worker{'s' if threads > 1 else ''}{'' if kind == 'skipgram' else ', ' + kind}"
    print(json.dumps({"case": case, "value": words_per_second, "unit": "words/s"}), flush=True)


def lines(path, limit):
    """The text as lines of 1000 words: both peers take a line for a sentence, and cut it there at the latest."""
    if path.endswith(".zip"):
        archive = zipfile.ZipFile(path)
        stream = archive.open(archive.namelist()[0])
    else:
        stream = open(path, "rb")
    words = io.TextIOWrapper(stream, encoding="utf8").read().split()
    words = words[:limit] if limit else words
    file = tempfile.NamedTemporaryFile("w", prefix="word2vec-", suffix=".txt", delete=False)
    with file:
        for start in range(0, len(words), WORDS_PER_LINE):
            file.write(" ".join(words[start:start + WORDS_PER_LINE]) + "\n")
    return file.name
