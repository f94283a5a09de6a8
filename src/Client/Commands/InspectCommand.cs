using System.CommandLine;
using System.Globalization;
using Granary.Client.Views;
using Granary.Training.Checkpoints;
using Granary.Training.Wording;
using Spectre.Console;

namespace Granary.Client.Commands;

/// <summary><c>granary inspect FILE</c></summary>
internal static class InspectCommand
{
    public static Command Create()
    {
        var file = new Argument<string>("file") { Description = "A safetensors file, of a checkpoint or from elsewhere." };
        var command = new Command("inspect", "The tensors of a safetensors file: names, types, shapes.") { file };
        command.SetAction(parsed =>
        {
            var path = parsed.GetValue(file)!;
            if (Directory.Exists(path))
            {
                throw new UserErrorException($"{path} is a folder. Name a file, such as {Path.Combine(path, CheckpointStore.ModelFile)}; for a run directory: granary show {path}");
            }
            using var reminder = new Reminder($"{path} to be read");
            Print(Safetensors.List(path));
        });
        return command;
    }

    private static void Print(IReadOnlyList<ListedTensor> tensors)
    {
        var table = new Table().Border(TableBorder.Simple).AddColumns("tensor", "type", "shape", "values");
        foreach (var tensor in tensors)
        {
            table.AddRow(new Text(Shown.OneLine(tensor.Name)), new Text(tensor.Type), new Text($"[{string.Join(", ", tensor.Shape)}]"), new Text($"{tensor.Count:N0}"));
        }
        Screen.Write(table);
        Console.WriteLine(string.Create(CultureInfo.InvariantCulture, $"{tensors.Count} tensors, {tensors.Sum(tensor => tensor.Count):N0} values, {tensors.Sum(tensor => tensor.Bytes):N0} bytes"));
    }
}
