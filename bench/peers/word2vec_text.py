"""What the word2vec peers share: their text, cut to a number of words, and their arguments."""
import argparse, io, os, sys, tempfile, zipfile

WORDS_PER_LINE = 1000


def arguments(about):
    parser = argparse.ArgumentParser(description=about)
    parser.add_argument("data", help="text8, or a folder that holds it: a text, or a .zip with one")
    parser.add_argument("--words", type=int, default=0, help="only the first so many words; 0: all")
    parser.add_argument("--epochs", type=int, default=1)
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--case", default="1 worker", help="the name under which the figure is printed")
    parser.add_argument("--out", help="where to write the vectors, in word2vec's text format")
    return parser.parse_args()


def find(path):
    if os.path.isdir(path):
        for name in ("wiki8/wiki8.zip", "text8/text8.zip", "wiki8.zip", "text8.zip", "wiki8", "text8"):
            if os.path.isfile(os.path.join(path, name)):
                return os.path.join(path, name)
        sys.exit(f"{path} holds no wiki8.zip or text8.zip")
    return path


def lines(path, limit):
    """The text as lines of 1000 words: both peers take a line for a sentence, and cut it there at the latest."""
    path = find(path)
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
