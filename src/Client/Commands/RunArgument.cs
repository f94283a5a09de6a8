using System.CommandLine;
using Granary.Contracts;
using Granary.Training.Wording;
using Grpc.Core;

namespace Granary.Client.Commands;

/// <summary>RUN, a run of a cluster, and the rule for what may stand there: its id, else what was given to <c>--out</c>, else the beginning of the id.</summary>
internal sealed class RunArgument
{
    private const int MostNamed = 5;
    private readonly Argument<string> argument = new("run") { Description = "The run: its id, the beginning of that, or the name of its directory (--out); see: granary list" };

    public RunArgument(Command command) => command.Arguments.Insert(0, argument);

    /// <summary>What stands there.</summary>
    public string Read(ParseResult parsed) => parsed.GetValue(argument)!;

    /// <summary>Asks the cluster for something about a run, and if it knows no such id, about the run that is meant.</summary>
    /// <exception cref="UserErrorException">It may be several.</exception>
    public static async Task<T> AskAsync<T>(TrainingClient client, string named, Func<string, Task<T>> ask, CancellationToken cancellationToken)
    {
        try
        {
            return await ask(named);
        }
        // A name may hold what an id must not.
        catch (RpcException unknown) when (unknown.StatusCode is StatusCode.NotFound or StatusCode.InvalidArgument)
        {
            if (IdOf(named, await client.ListAsync(cancellationToken)) is not { } id || id == named)
            {
                throw;
            }
            return await ask(id);
        }
    }

    /// <returns><see langword="null"/>: it is none of them.</returns>
    /// <param name="runs">Newest first.</param>
    /// <exception cref="UserErrorException">It may be several.</exception>
    internal static string? IdOf(string named, IReadOnlyList<RunStatus> runs)
    {
        if (runs.Any(run => run.Spec.RunId == named))
        {
            return named;
        }
        var end = $"/{named.Trim('/')}";
        // A directory is that of the newest run in it: the others have ended.
        string[] ids = [.. runs.Where(run => $"/{run.Spec.Output}".EndsWith(end, StringComparison.Ordinal)).DistinctBy(run => run.Spec.Output).Select(run => run.Spec.RunId)];
        if (ids.Length == 0)
        {
            ids = [.. runs.Select(run => run.Spec.RunId).Where(id => id.StartsWith(named, StringComparison.Ordinal))];
        }
        return ids.Length <= 1 ? ids.FirstOrDefault() : throw new UserErrorException(
            $"'{named}' may be {string.Join(", ", ids.Take(MostNamed))}{(ids.Length > MostNamed ? $" or {ids.Length - MostNamed} more" : "")}. Give the id of one; see: granary list");
    }
}
