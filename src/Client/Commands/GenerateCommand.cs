using System.CommandLine;
using System.Globalization;
using Granary.Silo;
using Granary.Training.Files;
using Granary.Training.Tasks;
using Granary.Training.Wording;

namespace Granary.Client.Commands;

/// <summary><c>granary generate RUNDIR</c></summary>
internal static class GenerateCommand
{
    private const int MostWanted = 10_000, MostTemperature = 100;
    private static readonly Type[] uses = [typeof(ITextGenerator), typeof(IPictureGenerator), typeof(IPictureTransformer), typeof(IPicture)];

    private static IEnumerable<string> Tasks =>
        GranaryEnvironment.Tasks.Tasks.Where(task => task.Uses.Any(uses.Contains)).Select(task => task.Name);

    public static Command Create()
    {
        var directory = new Argument<string>("rundir") { Description = "The run directory (--out of granary train)." };
        var prompt = new Option<string?>("--prompt") { Description = "Text to go on from." };
        var count = new Option<int?>("--count") { Description = "Words, characters or other tokens, or pictures, to make. Default: 100 tokens, 64 pictures." };
        var output = new Option<string?>("--out") { Description = "The file to write. Default: text to the screen, pictures to pictures.png." };
        var input = new Option<string?>("--input") { Description = "A picture to paint anew, for models that do so." };
        var seed = new Option<ulong>("--seed") { Description = "The same seed, the same result.", DefaultValueFactory = _ => 1 };
        var temperature = new Option<double?>("--temperature") { Description = "Below 1, text holds to what is likely; above 1, it strays; 0: always the likeliest. Default: 1." };
        var topK = new Option<int?>("--top-k") { Description = "Choose each token among so many of the likeliest. Default: among all." };
        var topP = new Option<double?>("--top-p") { Description = "Choose each token among the likeliest that have this probability together. Default: 1, among all." };
        var command = new Command("generate", "Text of a language model, pictures of a GAN, or a picture in another style.") { directory, prompt, count, input, output, seed, temperature, topK, topP };
        command.SetAction(parsed =>
        {
            var wanted = parsed.GetValue(count) is { } number ? SpecOptions.AtLeast(number, 1, count.Name) : (int?)null;
            if (wanted > MostWanted)
            {
                throw new UserErrorException($"{count.Name} {wanted} is too large: at most {MostWanted}.");
            }
            var sampling = new Sampling(
                Between(parsed.GetValue(temperature) ?? 1, 0, MostTemperature, temperature.Name),
                parsed.GetValue(topK) is { } most ? SpecOptions.AtLeast(most, 1, topK.Name) : 0,
                Between(parsed.GetValue(topP) ?? 1, 0, 1, topP.Name));
            var path = parsed.GetValue(output);
            if (path is not null)
            {
                OutputFile.Check(output.Name, path);
            }
            using var model = RunDirectory.OpenModel(parsed.GetValue(directory)!);
            var task = $"Task '{model.Checkpoint.Manifest.Spec.Task}'";
            void Refuse(string does, params IEnumerable<Option> useless)
            {
                if (useless.FirstOrDefault(option => parsed.GetResult(option) is { Implicit: false }) is { } given)
                {
                    throw new UserErrorException($"{task} {does}: {given.Name} is of no use to it.");
                }
            }
            switch (model.Replica.Model)
            {
                case ITextGenerator writer:
                    Refuse("writes text", input);
                    var text = writer.Generate(parsed.GetValue(prompt), wanted ?? 100, parsed.GetValue(seed), sampling);
                    if (path is null)
                    {
                        Console.WriteLine(text);
                    }
                    else
                    {
                        File.WriteAllText(path, text + "\n");
                    }
                    break;
                case IPictureTransformer transformer:
                    Refuse($"paints a picture anew, that of {input.Name}", prompt, count, seed, temperature, topK, topP);
                    path ??= "pictures.png";
                    File.WriteAllBytes(path, transformer.Transform(parsed.GetValue(input) ?? throw new UserErrorException($"{task} paints pictures that it is given: {input.Name} PICTURE")));
                    Console.WriteLine(Path.GetFullPath(path));
                    break;
                case IPicture picture:
                    Refuse("is one picture", prompt, count, input, seed, temperature, topK, topP);
                    path ??= "pictures.png";
                    File.WriteAllBytes(path, picture.ToPng());
                    Console.WriteLine(Path.GetFullPath(path));
                    break;
                case IPictureGenerator painter:
                    Refuse("draws pictures of its own", prompt, input, temperature, topK, topP);
                    path ??= "pictures.png";
                    File.WriteAllBytes(path, painter.Draw(wanted ?? 64, parsed.GetValue(seed)));
                    Console.WriteLine(Path.GetFullPath(path));
                    break;
                default:
                    throw new UserErrorException($"{task} generates nothing. Tasks that do: {string.Join(", ", Tasks)}.");
            }
        });
        return command;
    }

    private static double Between(double value, double least, double most, string option) => value >= least && value <= most
        ? value
        : throw new UserErrorException($"{option} must be a number from {least} to {most}; it is {value.ToString(CultureInfo.InvariantCulture)}.");
}
