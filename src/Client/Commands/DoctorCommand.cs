using System.CommandLine;
using System.Text.Encodings.Web;
using System.Text.Json;
using System.Text.Json.Serialization;
using Granary.Client.Views;
using Granary.Silo.Diagnosis;
using Granary.Training.Wording;
using Spectre.Console;

namespace Granary.Client.Commands;

/// <summary><c>granary doctor</c></summary>
internal static class DoctorCommand
{
    private static readonly JsonSerializerOptions json = new(JsonSerializerDefaults.Web)
    {
        Encoder = JavaScriptEncoder.UnsafeRelaxedJsonEscaping,
        WriteIndented = true,
        Converters = { new JsonStringEnumConverter(JsonNamingPolicy.CamelCase) },
    };

    public static Command Create(Option<bool> verbose)
    {
        var redis = new Option<string?>("--redis") { Description = "Ask this Redis, too: HOST:PORT." };
        var asJson = new Option<bool>("--json") { Description = "An array of JSON objects: subject, fact, level (good, warning, broken), cure." };
        var command = new Command("doctor", "What this machine can do, and the cure where something lacks.") { redis, asJson };
        command.SetAction(async (parsed, cancellationToken) =>
        {
            var findings = await Examination.RunAsync(parsed.GetValue(redis), trace: parsed.GetValue(verbose) ? Console.Error : TextWriter.Null, cancellationToken);
            if (parsed.GetValue(asJson))
            {
                Console.WriteLine(JsonSerializer.Serialize(findings, json));
            }
            else
            {
                Screen.Write(List(findings));
            }
            return Conclude(findings);
        });
        return command;
    }

    /// <returns>The exit code.</returns>
    internal static int Conclude(IEnumerable<Finding> findings)
    {
        var broken = findings.Where(finding => finding.Level == FindingLevel.Broken).Select(finding => finding.Subject).ToList();
        if (broken.Count == 0)
        {
            return ExitCode.Done;
        }
        ErrorLine.Say($"Broken: {string.Join(", ", broken)}.");
        return ExitCode.Failed;
    }

    internal static Grid List(IEnumerable<Finding> findings)
    {
        var grid = new Grid().AddColumn(new GridColumn().NoWrap()).AddColumn(new GridColumn().NoWrap()).AddColumn();
        foreach (var finding in findings)
        {
            var (mark, color) = finding.Level switch
            {
                FindingLevel.Good => ("ok", Color.Green),
                FindingLevel.Warning => ("warning", Color.Yellow),
                _ => ("BROKEN", Color.Red),
            };
            grid.AddRow(new Text(mark, new Style(color)), new Text(finding.Subject), new Text(Shown.OneLine(finding.Cure is null ? finding.Fact : $"{finding.Fact.TrimEnd('.')}. {finding.Cure}")));
        }
        return grid;
    }
}
