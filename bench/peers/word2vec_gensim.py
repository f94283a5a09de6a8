"""gensim's skip-gram with negative sampling. Counts the words that its vocabulary knows, before subsampling; the vocabulary's
own pass over the text is not timed."""
import json, os, time
import gensim
from gensim.models import Word2Vec
import word2vec_text

args = word2vec_text.arguments(__doc__)
print(json.dumps({"version": f"gensim {gensim.__version__}"}))
text = word2vec_text.lines(args.data, args.words)
try:
    for threads in args.threads:
        model = Word2Vec(vector_size=100, window=5, negative=5, hs=0, sg=1, min_count=5, sample=1e-4, alpha=0.025, min_alpha=1e-4, seed=1, workers=threads)
        model.build_vocab(corpus_file=text)
        known = sum(model.wv.get_vecattr(word, "count") for word in model.wv.index_to_key)
        started = time.perf_counter()
        model.train(corpus_file=text, total_words=model.corpus_total_words, total_examples=model.corpus_count, epochs=args.epochs)
        word2vec_text.tell(threads, known * args.epochs / (time.perf_counter() - started))
finally:
    os.remove(text)
if args.out:
    model.wv.save_word2vec_format(args.out, binary=False)
