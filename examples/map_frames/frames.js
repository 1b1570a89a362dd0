// Moves the map for a while, a step a frame, and returns the milliseconds from frame to frame.
([seconds, zoom]) =>
  new Promise((resolve) => {
    const map = document.getElementById("map").map;
    if (zoom) map.jumpTo({ zoom });
    const [centre, began_at, frames_ms] = [map.getCenter(), performance.now(), []];
    let last = began_at;
    const step = (now) => {
      frames_ms.push(now - last);
      last = now;
      if (now - began_at > seconds * 1000 && frames_ms.length > 25) {
        map.jumpTo({ center: centre });
        return resolve(frames_ms.slice(5));
      }
      if (zoom !== null) {
        const turn = ((now - began_at) / 2000) * 2 * Math.PI;
        const reach = 120 * (360 / (512 * 2 ** map.getZoom()));
        map.jumpTo({ center: [centre.lng + reach * Math.cos(turn), centre.lat + reach * Math.sin(turn)] });
      }
      requestAnimationFrame(step);
    };
    requestAnimationFrame(step);
  });
