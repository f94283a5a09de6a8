// B sentences, R rows: so many of each sentence as the beam is wide, V vocabulary
using Granary.Torch;
using static TorchSharp.torch;

namespace Granary.Models.Translation;

/// <summary>
/// Writes sentences word by word, and goes on with the likeliest beginnings of each. A sentence that has as many endings as the beam is wide is
/// done, and the one with the highest log-probability per word is taken. A beam of one takes the likeliest word each time.
/// </summary>
/// <param name="longest">Words after which a sentence is over.</param>
internal sealed class BeamSearch(int beam, int longest, int begin, int end)
{
    /// <param name="next">
    /// The log-probabilities of the next word in every row, R x V, given the words written last and the rows of its last answer that they go on from:
    /// of the first call, which begins all rows, the numbers of the sentences.
    /// </param>
    /// <returns>The words of each sentence, without its end.</returns>
    public IReadOnlyList<int[]> Find(int sentences, Func<long[], long[], Tensor> next)
    {
        var rows = sentences * beam;
        long[] words = new long[rows], parents = [.. Enumerable.Range(0, rows).Select(row => (long)row / beam)];
        Array.Fill(words, begin);
        var written = new int[rows][];
        Array.Fill(written, []);
        // All rows of a sentence begin alike: only the first may go on.
        float[] scores = [.. Enumerable.Range(0, rows).Select(row => row % beam == 0 ? 0 : float.NegativeInfinity)];
        var endings = new List<(double Score, int[] Words)>[sentences];
        for (var i = 0; i < sentences; i++)
        {
            endings[i] = [];
        }
        for (var length = 0; length < longest && endings.Any(found => found.Count < beam); length++)
        {
            using var scope = NewDisposeScope();
            var odds_RV = next(words, parents);
            var vocabulary = (int)odds_RV.size(1);
            var (best, places) = (odds_RV + tensor(scores, device: odds_RV.device).unsqueeze(1)).view(sentences, -1).topk(2 * beam, 1);
            var (candidates, numbers) = (best.Values<float>(), places.Values<long>());
            var before = written;
            written = new int[rows][];
            for (var sentence = 0; sentence < sentences; sentence++)
            {
                var row = sentence * beam;
                for (var rank = 0; rank < 2 * beam && row < (sentence + 1) * beam; rank++)
                {
                    var (score, number) = (candidates[sentence * 2 * beam + rank], numbers[sentence * 2 * beam + rank]);
                    var (parent, word) = (sentence * beam + (int)(number / vocabulary), (int)(number % vocabulary));
                    if (word != end)
                    {
                        (scores[row], words[row], parents[row], written[row]) = (score, word, parent, [.. before[parent], word]);
                        row++;
                    }
                    else if (rank < beam && endings[sentence].Count < beam && score > float.NegativeInfinity)
                    {
                        endings[sentence].Add((score / (length + 1), before[parent]));
                    }
                }
            }
        }
        return [.. endings.Select((found, sentence) => found.Count > 0 ? found.MaxBy(ending => ending.Score).Words : written[sentence * beam])];
    }
}
