using System.CommandLine;
using Granary.Bench.Measurement;
using Granary.Models.Word2Vec;
using Granary.Torch.Data.Texts;
using Granary.Training;

namespace Granary.Bench.Word2Vec;

/// <summary><c>granary bench vectors FILE</c>: one judge for the vectors of all programs.</summary>
internal static class VectorsCommand
{
    public static Command Create()
    {
        var files = new Argument<string[]>("file") { Description = "Word vectors in word2vec's text format (granary export; the peers' --out).", Arity = ArgumentArity.OneOrMore };
        var similarity = new Option<string?>("--similarity") { Description = "Folder with wordsim353.csv, simlex-999.txt, men.txt, questions-words.txt. Default: embedding in GRANARY_DATA." };
        var command = new Command("vectors", "Judges word vectors: Spearman's correlation with people's similarities, and analogies.") { files, similarity };
        command.SetAction(parsed =>
        {
            var folder = parsed.GetValue(similarity) ?? Path.Combine(EnvironmentVariable.Read(EnvironmentVariable.Data) ?? ".", "embedding");
            var judges = WordSimilarity.Find([folder]);
            if (judges.Benchmarks.Count == 0)
            {
                throw new BenchmarkException($"{folder} has none of wordsim353.csv, simlex-999.txt, men.txt. Give their folder with --similarity.");
            }
            var table = new TextTable(["vectors", .. judges.Benchmarks.Select(benchmark => benchmark.Name), "analogies"]);
            foreach (var file in parsed.GetValue(files)!)
            {
                var verdict = WordVectors.Read(file).Judge(judges);
                string Of(string metric) => verdict.TryGet(metric, out var value) ? $"{value:F3}" : "";
                table.Add([Path.GetFileName(file), .. judges.Benchmarks.Select(benchmark => Of($"spearman.{benchmark.Name}")), Of("accuracy.analogies")]);
            }
            Console.WriteLine(table);
        });
        return command;
    }
}
