"""gensim's Word2Vec, and its FastText for subwords. Counts the words that its vocabulary knows, before subsampling; the vocabulary's
own pass over the text is not timed."""
import json, os, time
import gensim
from gensim.models import FastText, Word2Vec
import word2vec_text

args = word2vec_text.arguments(__doc__)
print(json.dumps({"version": f"gensim {gensim.__version__}"}))
text = word2vec_text.lines(args.data, args.words)
settings = dict(vector_size=100, window=5, min_count=5, sample=1e-4, alpha=args.rate, min_alpha=1e-4, seed=args.seed)
try:
    for kind in args.kinds:
        tree = "hierarchical" in kind
        of_kind = dict(sg=int("cbow" not in kind), hs=int(tree), negative=0 if tree else 5)
        for threads in args.threads:
            if "subwords" in kind:
                model = FastText(min_n=3, max_n=6, bucket=2_000_000, workers=threads, **of_kind, **settings)
            else:
                model = Word2Vec(workers=threads, **of_kind, **settings)
            model.build_vocab(corpus_file=text)
            known = sum(model.wv.get_vecattr(word, "count") for word in model.wv.index_to_key)
            started = time.perf_counter()
            model.train(corpus_file=text, total_words=model.corpus_total_words, total_examples=model.corpus_count, epochs=args.epochs)
            word2vec_text.tell(kind, threads, known * args.epochs / (time.perf_counter() - started))
finally:
    os.remove(text)
if args.out:
    model.wv.save_word2vec_format(args.out, binary=False)
