using System.Reflection;
using System.Text.Json;
using Granary.Grains.Telemetry;
using Granary.Silo.Telemetry;
using Microsoft.Extensions.Logging;
using Microsoft.Extensions.Logging.Abstractions;
using Microsoft.Extensions.Time.Testing;

namespace Granary.Cluster.Tests.Telemetry;

public sealed class LogFieldTests
{
    [Fact]
    public void Messages_ThatTellOfARoundOrAStep_TellTheRun()
    {
        var messages = typeof(TrainingInstruments).Assembly.GetTypes()
            .SelectMany(type => type.GetMethods(BindingFlags.Instance | BindingFlags.NonPublic | BindingFlags.DeclaredOnly))
            .Where(method => method.GetCustomAttribute<LoggerMessageAttribute>() is not null)
            .Select(method => (method.Name, Fields: method.GetParameters().Select(parameter => parameter.Name!).ToHashSet()))
            .ToList();
        Assert.True(messages.Count > 20, "Hardly any messages were found.");
        Assert.Equal([], messages.Where(message => message.Fields.Overlaps(["round", "step", "slot"]) && !message.Fields.Contains("runId")).Select(message => message.Name));
    }

    [Fact]
    public void Line_OfJson_HasTheFieldsOfItsMessageUnderTheNamesOfSpans()
    {
        var formatter = new JsonLineFormatter("worker-0", new FakeTimeProvider(DateTimeOffset.UnixEpoch));
        var written = new StringWriter();
        List<KeyValuePair<string, object?>> state = [new("RunId", "first\n"), new("Step", 500L), new("Waited", TimeSpan.FromSeconds(1.5)), new("Message", "other"), new("{OriginalFormat}", "{RunId}")];
        formatter.Write(new LogEntry<IEnumerable<KeyValuePair<string, object?>>>(LogLevel.Warning, "Granary.Of", default, state, new InvalidOperationException("bad"), (_, _) => "It \"is\" so."), null, written);
        Assert.Equal(written.ToString().Length - 1, written.ToString().IndexOf('\n'));
        var line = JsonSerializer.Deserialize<Dictionary<string, JsonElement>>(written.ToString())!;
        Assert.Equal(["time", "level", "category", "message", "node", "exception", "run.id", "step", "waited"], line.Keys);
        Assert.Equal(("1970-01-01T00:00:00.000Z", "warning", "It \"is\" so.", "worker-0"), (line["time"].GetString(), line["level"].GetString(), line["message"].GetString(), line["node"].GetString()));
        Assert.Equal(("first\n", 500, 1.5), (line["run.id"].GetString(), line["step"].GetInt64(), line["waited"].GetDouble()));
    }
}
