using Granary.Contracts;
using Granary.Silo.Security;
using Granary.Training.Wording;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Routing;

namespace Granary.Silo.Page;

/// <summary>What the page shows of models that know words as vectors.</summary>
internal static class WordEndpoints
{
    private const int UsualNeighbours = 20, MostNeighbours = 200;

    public static void MapWords(this IEndpointRouteBuilder api)
    {
        api.MapGet("/runs/{id}/words", async (string id, IRunSource source, WordMaps maps) =>
        {
            var map = await MapAsync(id, source, maps);
            return new { words = map.Words, x = map.X, y = map.Y };
        }).RequireAuthorization(Roles.Viewer);
        api.MapGet("/runs/{id}/words/{word}/neighbours", async (string id, string word, int? count, IRunSource source, WordMaps maps) =>
        {
            var neighbours = (await MapAsync(id, source, maps)).Neighbours(word, Math.Clamp(count ?? UsualNeighbours, 1, MostNeighbours))
                ?? throw new UnknownRunException($"The model does not know the word '{Shown.Value(word)}', or it is a rare one.");
            return new { word, neighbours = neighbours.Select(one => new { one.Word, one.Similarity }) };
        }).RequireAuthorization(Roles.Viewer);
    }

    private static async Task<WordMap> MapAsync(string id, IRunSource source, WordMaps maps)
    {
        var run = await source.FindAsync(id);
        return await Task.Run(() => maps.Of(run)) ?? throw new UnknownRunException($"Run '{Shown.Value(id)}' has no words to show: it is no word2vec run, or has no checkpoint yet.");
    }
}
