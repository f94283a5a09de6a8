using System.CommandLine;
using Granary.Training.Tasks;
using Granary.Training.Wording;

namespace Granary.Client.Commands;

/// <summary><c>granary nearest</c> and <c>granary analogy</c>: for models that know words as vectors.</summary>
internal static class WordCommands
{
    public static Command CreateNearest()
    {
        var (directory, count) = Common();
        var words = new Argument<string[]>("word") { Description = "Words of the vocabulary.", Arity = ArgumentArity.OneOrMore };
        var command = new Command("nearest", "The words most similar to each of the given ones.") { directory, words, count };
        command.SetAction(parsed =>
        {
            var most = SpecOptions.AtLeast(parsed.GetValue(count), 1, count.Name);
            Use(parsed.GetValue(directory)!, model =>
            {
                foreach (var word in parsed.GetValue(words)!)
                {
                    Print(word, model.Nearest(word, most));
                }
            });
        });
        return command;
    }

    public static Command CreateAnalogy()
    {
        var (directory, count) = Common();
        Argument<string> a = new("a"), b = new("b"), c = new("c");
        var command = new Command("analogy", "a is to b as c is to what?") { directory, a, b, c, count };
        command.SetAction(parsed =>
        {
            var most = SpecOptions.AtLeast(parsed.GetValue(count), 1, count.Name);
            Use(parsed.GetValue(directory)!, model => Print(
                $"{parsed.GetValue(a)} is to {parsed.GetValue(b)} as {parsed.GetValue(c)} is to",
                model.Analogy(parsed.GetValue(a)!, parsed.GetValue(b)!, parsed.GetValue(c)!, most)));
        });
        return command;
    }

    private static (Argument<string> Directory, Option<int> Count) Common() => (
        new("rundir") { Description = "The run directory of a word2vec run." },
        new("--count") { Description = "How many words to show.", DefaultValueFactory = _ => 10 });

    private static void Use(string directory, Action<IWordVectors> use)
    {
        using var model = RunDirectory.OpenModel(directory);
        var vectors = model.Replica.Model as IWordVectors
            ?? throw new UserErrorException($"Task '{model.Checkpoint.Manifest.Spec.Task}' has no word vectors. Train word2vec.");
        try
        {
            use(vectors);
        }
        catch (ArgumentException unknown)
        {
            throw new UserErrorException(unknown.Message);
        }
    }

    private static void Print(string title, IEnumerable<(string Word, double Similarity)> words)
    {
        Console.WriteLine(title);
        foreach (var (word, similarity) in words)
        {
            Console.WriteLine($"  {similarity:0.000}  {word}");
        }
    }
}
